//! What a workload is called in a cluster: `[[workload]] object`.

/// What a workload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Something that keeps a number of pods: `prod/Deployment/shop`.
    Scaled {
        namespace: String,
        /// As a path writes it: `deployments`.
        resource: &'static str,
        name: String,
    },
    /// Pods by their labels: `prod/pods/app=shop,tier=web`.
    Pods { namespace: String, labels: String },
    /// All that may leave a node: `node/m1`.
    Node(String),
}

/// What may stand in the middle.
const SCALED: [(&str, &str); 3] = [
    ("deployment", "deployments"),
    ("statefulset", "statefulsets"),
    ("replicaset", "replicasets"),
];

/// What to write instead.
pub(crate) const FORMS: &str =
    "write namespace/Deployment/name (or StatefulSet, ReplicaSet), namespace/pods/label=value, or node/name";

impl Object {
    /// None where it is none of these.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        match parts[..] {
            ["node", name] => Some(Self::Node(name.to_owned())),
            [namespace, "pods", labels] if labels.contains('=') => Some(Self::Pods {
                namespace: namespace.to_owned(),
                labels: labels.to_owned(),
            }),
            [namespace, kind, name] if !name.contains('/') => {
                let kind = kind.to_ascii_lowercase();
                let known = SCALED.iter().find(|(one, many)| kind == *one || kind == *many);
                known.map(|(_, resource)| Self::Scaled {
                    namespace: namespace.to_owned(),
                    resource,
                    name: name.to_owned(),
                })
            }
            _ => None,
        }
    }

    /// The path of what a step acts on, where it is one object.
    pub(super) fn place(&self) -> Option<Vec<&str>> {
        match self {
            Self::Scaled {
                namespace,
                resource,
                name,
            } => Some(vec!["apis", "apps", "v1", "namespaces", namespace, resource, name]),
            Self::Node(name) => Some(vec!["api", "v1", "nodes", name]),
            Self::Pods { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Object;

    #[test]
    fn reads_the_forms_and_nothing_else() {
        let scaled = |resource| {
            Some(Object::Scaled {
                namespace: "prod".into(),
                resource,
                name: "shop".into(),
            })
        };
        assert_eq!(Object::parse("prod/Deployment/shop"), scaled("deployments"));
        assert_eq!(Object::parse("prod/statefulsets/shop"), scaled("statefulsets"));
        assert_eq!(Object::parse("node/m1"), Some(Object::Node("m1".into())));
        let labels = "app.kubernetes.io/name=shop,tier=web".to_owned();
        assert_eq!(
            Object::parse("prod/pods/app.kubernetes.io/name=shop,tier=web"),
            Some(Object::Pods {
                namespace: "prod".into(),
                labels
            })
        );
        for none in [
            "shop",
            "prod/shop",
            "prod/DaemonSet/shop",
            "prod/pods/shop",
            "prod/Deployment/a/b",
            "nodes/m1",
        ] {
            assert_eq!(Object::parse(none), None, "{none}");
        }
    }
}
