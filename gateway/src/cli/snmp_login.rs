//! Who a command is to an SNMP agent: from files or the environment, never from the command line, which everybody on the
//! machine can read.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::config::{Secret, SnmpAuth, SnmpLogin, SnmpPrivacy, SnmpUser};

/// Least length of a password (RFC 3414, 11.2).
const PASSWORD_BYTES: usize = 8;

/// See the module.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Login {
    /// SNMP v2c: file with the community; without it MUSTER_SNMP_COMMUNITY counts
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    community_file: Option<PathBuf>,
    /// SNMP v3: our user there
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// SNMP v3: file with the user's authentication password; without it MUSTER_SNMP_AUTH counts
    #[arg(long, value_name = "FILE", requires = "user")]
    auth_file: Option<PathBuf>,
    /// SNMP v3: file with the user's privacy password; without it MUSTER_SNMP_PRIVACY counts
    #[arg(long, value_name = "FILE", requires = "user")]
    privacy_file: Option<PathBuf>,
    /// SNMP v3: how messages are signed
    #[arg(long, value_enum, default_value = "sha-256")]
    auth: Auth,
    /// SNMP v3: how messages are hidden
    #[arg(long, value_enum, default_value = "aes-128")]
    privacy: Privacy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Auth {
    #[default]
    #[value(name = "sha-256")]
    Sha256,
    #[value(name = "sha-384")]
    Sha384,
    #[value(name = "sha-512")]
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Privacy {
    #[default]
    #[value(name = "aes-128")]
    Aes128,
    #[value(name = "aes-256")]
    Aes256,
    #[value(name = "aes-256-cisco")]
    Aes256Cisco,
}

/// A secret: where it may be given, and the file that stands for it in the lines of config if it came from elsewhere.
struct Place {
    option: &'static str,
    variable: &'static str,
    file: &'static str,
}

const COMMUNITY: Place = Place {
    option: "--community-file",
    variable: "MUSTER_SNMP_COMMUNITY",
    file: "snmp.community",
};
const AUTH: Place = Place {
    option: "--auth-file",
    variable: "MUSTER_SNMP_AUTH",
    file: "snmp.auth",
};
const PRIVACY: Place = Place {
    option: "--privacy-file",
    variable: "MUSTER_SNMP_PRIVACY",
    file: "snmp.privacy",
};

impl Login {
    /// Reads the secrets.
    ///
    /// # Errors
    /// One line that says what to give, and never a secret.
    pub(super) fn read(&self) -> Result<SnmpLogin, String> {
        let Some(user) = &self.user else {
            let community = COMMUNITY.read(self.community_file.as_deref())?;
            let none = || {
                "who are we to this agent? For SNMP v3 give --user NAME --auth-file FILE --privacy-file FILE, for v2c \
                 --community-file FILE"
            };
            return Ok(SnmpLogin::Community(community.ok_or_else(none)?));
        };
        Ok(SnmpLogin::User(Box::new(SnmpUser {
            name: user.clone(),
            auth: self.auth.config(),
            auth_password: AUTH.password(self.auth_file.as_deref())?,
            privacy: self.privacy.config(),
            privacy_password: PRIVACY.password(self.privacy_file.as_deref())?,
        })))
    }

    /// The lines of config that say the same.
    pub(super) fn keys(&self) -> Vec<(&'static str, toml::Value)> {
        let file = |given: &Option<PathBuf>, place: Place| match given {
            Some(path) => path.display().to_string().into(),
            None => toml::Value::from(place.file),
        };
        let Some(user) = &self.user else {
            return vec![("community_file", file(&self.community_file, COMMUNITY))];
        };
        let mut keys = vec![("user", user.as_str().into())];
        if self.auth != Auth::Sha256 {
            keys.push(("auth", word(self.auth)));
        }
        keys.push(("auth_file", file(&self.auth_file, AUTH)));
        if self.privacy != Privacy::Aes128 {
            keys.push(("privacy", word(self.privacy)));
        }
        keys.push(("privacy_file", file(&self.privacy_file, PRIVACY)));
        keys
    }

    /// What has to be done before the lines of config hold.
    pub(super) fn notes(&self) -> Vec<String> {
        let given = match self.user {
            None => vec![(COMMUNITY, self.community_file.is_some())],
            Some(_) => vec![(AUTH, self.auth_file.is_some()), (PRIVACY, self.privacy_file.is_some())],
        };
        let missing = given.into_iter().filter(|(_, given)| !given);
        let note = |place: Place| format!("put {} into a file {} beside the config", place.variable, place.file);
        missing.map(|(place, _)| note(place)).collect()
    }

    /// As options of a command line, for another command at the same agent.
    pub(super) fn options(&self) -> String {
        let file = |option: &str, path: &Option<PathBuf>| {
            let path = path.as_ref().map(|path| format!(" {option} {}", path.display()));
            path.unwrap_or_default()
        };
        let user = self
            .user
            .as_ref()
            .map_or_else(String::new, |user| format!(" --user {user}"));
        file("--community-file", &self.community_file)
            + &user
            + &file("--auth-file", &self.auth_file)
            + &file("--privacy-file", &self.privacy_file)
    }
}

impl Place {
    /// From the file, else the environment, else none.
    fn read(&self, file: Option<&Path>) -> Result<Option<Secret>, String> {
        let text = match file {
            Some(path) => std::fs::read(path)
                .map(Some)
                .map_err(|why| format!("{} {}: cannot be read: {why}", self.option, path.display()))?,
            None => std::env::var(self.variable).ok().map(String::into_bytes),
        };
        let trimmed = text.map(|text| text.trim_ascii_end().to_vec());
        match trimmed {
            Some(secret) if secret.is_empty() => Err(format!("{}: it is empty", self.option)),
            secret => Ok(secret.map(Secret)),
        }
    }

    fn password(&self, file: Option<&Path>) -> Result<Secret, String> {
        let password = self.read(file)?;
        let none = || {
            format!(
                "a user without authentication and privacy is not spoken to: give {}",
                self.option
            )
        };
        let password = password.ok_or_else(none)?;
        let short = || {
            format!(
                "{}: shorter than {PASSWORD_BYTES} bytes, which SNMP v3 does not allow",
                self.option
            )
        };
        (password.0.len() >= PASSWORD_BYTES)
            .then_some(password)
            .ok_or_else(short)
    }
}

impl Auth {
    const fn config(self) -> SnmpAuth {
        match self {
            Self::Sha256 => SnmpAuth::Sha256,
            Self::Sha384 => SnmpAuth::Sha384,
            Self::Sha512 => SnmpAuth::Sha512,
        }
    }
}

impl Privacy {
    const fn config(self) -> SnmpPrivacy {
        match self {
            Self::Aes128 => SnmpPrivacy::Aes128,
            Self::Aes256 => SnmpPrivacy::Aes256,
            Self::Aes256Cisco => SnmpPrivacy::Aes256Cisco,
        }
    }
}

fn word(value: impl ValueEnum) -> toml::Value {
    let word = value.to_possible_value().map(|word| word.get_name().to_owned());
    word.unwrap_or_default().into()
}
