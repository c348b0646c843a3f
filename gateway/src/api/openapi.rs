//! `GET /openapi.json`: what there is, and how to ask for it.

use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

/// The description, kept honest by tests: every route is in it, and real answers are valid.
const DESCRIPTION: &str = include_str!("../../openapi.json");

pub(crate) async fn get() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::DESCRIPTION;
    use crate::api::serve;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|k| *k != "parameters");
            methods.map(move |method| format!("{method} {path}"))
        });
        let routes = serve::routes();
        let there = routes.iter().map(|(method, path, _)| format!("{method} {path}"));
        assert_eq!(described.collect::<BTreeSet<_>>(), there.collect::<BTreeSet<_>>());
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
