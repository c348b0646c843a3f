//! From the config's login to the library's.

use async_snmp::{Auth, AuthProtocol, CryptoResult, MasterKeys, PrivProtocol, UsmConfig};

use crate::config::{SnmpAuth, SnmpLogin, SnmpPrivacy, SnmpUser};

/// What a client asks with. Making a user's keys takes milliseconds: once a poller, never once a connection.
pub(super) fn auth(login: &SnmpLogin) -> CryptoResult<Auth> {
    match login {
        SnmpLogin::Community(community) => Ok(Auth::v2c(community.0.as_slice())),
        SnmpLogin::User(user) => Ok(UsmConfig::new(user.name.clone()).with_master_keys(keys(user)?)?.into()),
    }
}

/// The keys of a user, for every engine.
pub(super) fn keys(user: &SnmpUser) -> CryptoResult<MasterKeys> {
    let auth = match user.auth {
        SnmpAuth::Sha256 => AuthProtocol::Sha256,
        SnmpAuth::Sha384 => AuthProtocol::Sha384,
        SnmpAuth::Sha512 => AuthProtocol::Sha512,
    };
    let privacy = match user.privacy {
        SnmpPrivacy::Aes128 => PrivProtocol::Aes128,
        SnmpPrivacy::Aes256 => PrivProtocol::Aes256Blumenthal,
        SnmpPrivacy::Aes256Cisco => PrivProtocol::Aes256Reeder,
    };
    MasterKeys::new(auth, &user.auth_password.0)?.with_privacy(privacy, &user.privacy_password.0)
}
