//! Who may order, as the config in force says.

use std::sync::{Arc, PoisonError, RwLock};

use super::auth;
use crate::config::Config;

/// The principals of the config in force. Clone freely; all clones follow a reload.
#[derive(Clone, Debug, Default)]
pub struct People(Arc<RwLock<Arc<Register>>>);

#[derive(Debug, Default)]
struct Register {
    ids: Vec<Arc<str>>,
    /// SHA-256 of each one's token, by the same index.
    token_hashes: Vec<[u8; 32]>,
}

impl People {
    /// Those of a config.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let people = Self::default();
        people.replace(config);
        people
    }

    /// From here on those of another config.
    pub fn replace(&self, config: &Config) {
        let ids = config.site.principals.iter().map(|p| p.id.as_str());
        self.put(ids, config.token_hashes.clone());
    }

    /// These, by their ids and the SHA-256 of their tokens.
    pub(crate) fn put<'a>(&self, ids: impl Iterator<Item = &'a str>, token_hashes: Vec<[u8; 32]>) {
        let register = Register {
            ids: ids.map(Arc::from).collect(),
            token_hashes,
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(register);
    }

    /// Whose token it is.
    pub(crate) fn of_token(&self, token: &str) -> Option<Arc<str>> {
        let register = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let at = auth::principal_of(token, &register.token_hashes)?;
        register.ids.get(at.at()).cloned()
    }
}
