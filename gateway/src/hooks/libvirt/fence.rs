//! What is kept in a machine's metadata: the highest token that has acted on it, and how it was before.

use super::fault::Fault;
use super::virsh::{ASK, Virsh};

/// The namespace of our element; it names nothing that is fetched.
const NAMESPACE: &str = "urn:muster:fence:1";

/// How it was when the first token of an incident came. `home` is empty once it is there again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) token: u64,
    pub(super) incident: String,
    pub(super) home: String,
    pub(super) ran: bool,
}

/// The mark of a machine, if it has one.
pub(super) async fn of(virsh: &Virsh, uri: &str, name: &str) -> Result<Option<Mark>, Fault> {
    match virsh.run(uri, &["metadata", name, "--uri", NAMESPACE], ASK).await {
        Ok(element) => Ok(read(&element)),
        Err(fault) if fault.is_unmarked() => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Writes it, for this run and for the next.
pub(super) async fn write(virsh: &Virsh, uri: &str, (name, runs): (&str, bool), mark: &Mark) -> Result<(), Fault> {
    let element = written(mark);
    let set = [
        "metadata", name, "--uri", NAMESPACE, "--key", "muster", "--set", &element, "--config",
    ];
    let live: &[&str] = if runs { &["--live"] } else { &[] };
    virsh.run(uri, &[&set, live].concat(), ASK).await.map(drop)
}

/// Ids and URIs of the config hold nothing that XML would have to escape but `&`.
fn written(mark: &Mark) -> String {
    let home = mark.home.replace('&', "&amp;");
    let (token, incident, ran) = (mark.token, &mark.incident, mark.ran);
    format!(r#"<fence token="{token}" incident="{incident}" home="{home}" ran="{ran}"/>"#)
}

fn read(element: &str) -> Option<Mark> {
    let attribute = |name: &str| {
        let (_, rest) = element.split_once(&format!(" {name}="))?;
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split_once(quote).map(|(value, _)| value.to_owned())
    };
    Some(Mark {
        token: attribute("token")?.parse().ok()?,
        incident: attribute("incident")?,
        home: attribute("home")?.replace("&amp;", "&"),
        ran: attribute("ran")? == "true",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_as_libvirt_gives_it_back() {
        let mark = Mark {
            token: u64::MAX,
            incident: "pangyo-b3-1".into(),
            home: "qemu+ssh://kvm-1/system?keyfile=/a&no_tty=1".into(),
            ran: true,
        };
        assert_eq!(read(&written(&mark)), Some(mark.clone()));
        let given_back = written(&mark).replace("<fence ", "<muster:fence xmlns:muster='urn:muster:fence:1' ");
        assert_eq!(read(&given_back), Some(mark));
        for odd in [
            "",
            "<fence/>",
            r#"<fence token="x" incident="" home="" ran=""/>"#,
            "<fence token=7 ",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
