//! `[[hook]]` of every kind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{GOOD, all, brief, check, only, parse};
use crate::config::HookWay;

const WEBHOOK: &str =
    "kind = \"webhook\"\nurl = \"https://mover.example/\"\nsecret = \"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\"\n";
const SECRET: &str = "secret = \"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4\"\n";

/// The good file with these lines as its hook, in a folder.
fn in_folder(lines: &str, folder: &Path) -> Result<HookWay, Vec<String>> {
    assert!(GOOD.contains(WEBHOOK));
    let text = GOOD.replacen(WEBHOOK, lines, 1);
    match parse(&text, &folder.join("site.toml")) {
        Ok((mut config, warnings)) if warnings.is_empty() => Ok(config.hooks.remove(0).way),
        Ok((_, findings)) | Err(findings) => Err(brief(&findings)),
    }
}

fn hook(lines: &str) -> Vec<String> {
    all(&[(WEBHOOK, lines)])
}

fn exec(lines: &str) -> Vec<String> {
    hook(&format!("kind = \"exec\"\naccepts_drill = true\n{lines}"))
}

#[test]
fn a_program_takes_drills_only_where_that_is_said() {
    let program = "kind = \"exec\"\nargv = [\"/bin/true\"]\n";
    only(
        &hook(program),
        "warning",
        "it is not said whether this program takes drills",
    );
    for (more, takes) in [
        ("", false),
        ("accepts_drill = false\n", false),
        ("accepts_drill = true\n", true),
    ] {
        let config = super::config(&GOOD.replacen(WEBHOOK, &format!("{program}{more}"), 1));
        assert_eq!(config.site.hooks[0].accepts_drill, takes, "{more}");
    }
    assert!(super::config(GOOD).site.hooks[0].accepts_drill);
}

#[test]
fn a_program_is_an_absolute_path_to_something_that_runs() {
    for (argv, says) in [
        ("[]", "`argv` names no program"),
        ("[\"sh\"]", "the program `sh` is no absolute path"),
        ("[\"./sh\"]", "the program `./sh` is no absolute path"),
        ("[\"/no/such\"]", "the program `/no/such` cannot be run: No such file"),
        ("[\"/etc\"]", "`/etc` is not a file"),
        ("[\"/etc/passwd\"]", "the program `/etc/passwd` is not executable"),
        ("[\"/bin/sh\", \"a\\u0000b\"]", "an argument has a NUL in it"),
        ("[7]", "`argv` of [[hook]] is of the type integer"),
        ("\"/bin/sh -c x\"", "`argv` of [[hook]] is of the type string"),
    ] {
        let found = exec(&format!("argv = {argv}\n"));
        assert!(
            found.iter().any(|f| f.contains(&format!("error {says}"))),
            "{argv}: {found:#?}"
        );
    }
    only(&exec(""), "error", "`argv` is missing in [[hook]]");
    for word in ["{workload}", "$MUSTER_ID", "`id`", "${x}"] {
        let found = exec(&format!("argv = [\"/bin/sh\", \"{word}\"]\n"));
        only(&found, "warning", "the argument");
    }
}

#[test]
fn a_program_has_its_folder_and_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let exec = |lines: &str| {
        in_folder(
            &format!("kind = \"exec\"\naccepts_drill = true\nargv = [\"/bin/sh\", \"--site\"]\n{lines}"),
            folder.path(),
        )
    };
    let Ok(HookWay::Exec(usual)) = exec("") else {
        panic!("{:?}", exec(""))
    };
    assert_eq!(usual.argv, ["/bin/sh", "--site"]);
    assert_eq!(
        (usual.cwd, usual.limit),
        (PathBuf::from("/"), Duration::from_secs(3_600))
    );
    let Ok(HookWay::Exec(own)) = exec("cwd = \".\"\nlimit_s = 1.5\n") else {
        panic!("{:?}", exec(""))
    };
    assert_eq!(
        (own.cwd, own.limit),
        (folder.path().join("."), Duration::from_millis(1_500))
    );
    only(
        &exec("cwd = \"nowhere\"\n").unwrap_err(),
        "error",
        "`cwd` `nowhere` is no folder",
    );
    only(
        &exec("limit_s = 0\n").unwrap_err(),
        "error",
        "`limit_s` = 0 s is out of range",
    );
    only(
        &exec("url = \"https://a.example\"\n").unwrap_err(),
        "error",
        "[[hook]] has no key `url`",
    );
    only(&exec(SECRET).unwrap_err(), "error", "[[hook]] has no key `secret`");
}

#[test]
fn a_program_that_everybody_can_change_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("evacuate");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    for (mode, says) in [(0o777, "warning"), (0o644, "error"), (0o755, "")] {
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).unwrap();
        let found = hook(&format!(
            "kind = \"exec\"\naccepts_drill = true\nargv = [{:?}]\n",
            program.display().to_string()
        ));
        assert_eq!(found.is_empty(), says.is_empty(), "{mode:o}: {found:#?}");
        assert!(found.iter().all(|f| f.contains(says)), "{mode:o}: {found:#?}");
    }
}

const BROKER: &str = "url = \"mqtts://broker.example\"\nca = \"ca.pem\"\ntopic = \"evacuate/db\"\n";

/// The good file with a topic as its hook, beside the files it names.
fn mqtt(lines: &str) -> Result<HookWay, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "x").unwrap();
    std::fs::write(folder.path().join("pw"), "hunter2\n").unwrap();
    in_folder(&format!("kind = \"mqtt\"\n{SECRET}{lines}"), folder.path())
}

#[test]
fn a_topic_at_a_broker() {
    let Ok(HookWay::Mqtt(target)) = mqtt(&format!("{BROKER}username = \"u\"\npassword_file = \"pw\"\n")) else {
        panic!("{:?}", mqtt(BROKER))
    };
    let broker = &target.broker;
    assert_eq!(
        (broker.host.as_str(), broker.port, broker.tls),
        ("broker.example", 8883, true)
    );
    assert_eq!(
        broker.login.as_ref().map(|(_, p)| p.0.as_slice()),
        Some(&b"hunter2"[..])
    );
    assert!(!format!("{target:?}").contains("hunter2"));
    let plain = "url = \"mqtt://broker.example\"\ntopic = \"x\"\n";
    only(
        &mqtt(plain).unwrap_err(),
        "warning",
        "steps go to `broker.example` unencrypted",
    );
    let here = "url = \"mqtt://127.0.0.1\"\ntopic = \"x\"\nallow_loopback = true\n";
    assert!(mqtt(here).is_ok(), "{:?}", mqtt(here));
}

#[test]
fn a_topic_at_a_broker_that_cannot_be() {
    for (from, to, says) in [
        ("ca = \"ca.pem\"\n", "", "the broker is reached by TLS, but no `ca`"),
        ("mqtts", "mqtt", "certificates, but `url` is mqtt://"),
        ("mqtts://", "https://", "`https://broker.example` is not a broker"),
        ("broker.example", "127.0.0.1", "the hook points to this machine"),
        ("broker.example", "169.254.169.254", "a hook must not point to"),
        ("url = \"mqtts://broker.example\"\n", "", "`url` is missing"),
        ("topic = \"evacuate/db\"\n", "", "`topic` is missing"),
        ("evacuate/db", "evacuate/#", "`evacuate/#` is not a topic"),
        ("evacuate/db", "+/db", "`+/db` is not a topic"),
        ("evacuate/db", "$SYS/x", "`$SYS/x` is not a topic"),
        ("evacuate/db", "", "`` is not a topic"),
    ] {
        let found = mqtt(&BROKER.replacen(from, to, 1)).unwrap_err();
        let says = format!("error {says}");
        assert!(found.iter().any(|f| f.contains(&says)), "{from} -> {to}: {found:#?}");
    }
}

#[test]
fn authorities_of_a_webhook_are_a_file_of_certificates() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("not.pem"), "x").unwrap();
    std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let with = |from: &str, to: &str| {
        in_folder(
            &format!("{}ca = \"ca.pem\"\n", WEBHOOK).replacen(from, to, 1),
            folder.path(),
        )
    };
    let Ok(HookWay::Webhook(hook)) = with("", "") else {
        panic!("{:?}", with("", ""))
    };
    assert_eq!(hook.ca, Some(folder.path().join("ca.pem")));
    only(
        &with("ca.pem", "none.pem").unwrap_err(),
        "error",
        "`ca` `none.pem` cannot be read",
    );
    only(
        &with("ca.pem", "not.pem").unwrap_err(),
        "error",
        "`ca` `not.pem` holds no certificate",
    );
    let plain = with("https", "http").unwrap_err();
    assert!(
        plain
            .iter()
            .any(|f| f.contains("a `ca`, but the hook's URL is http://")),
        "{plain:#?}"
    );
}

/// The good file's workload stands on `r1`.
const CLUSTER: &str = "url = \"https://k8s.example:6443\"\nca = \"ca.pem\"\ntoken_file = \"token\"\n\
                       racks = { r1 = [\"m1\", \"m2\"] }\ndestinations = { busan = [\"m3\"] }\npdb_until_s = 60\n";

/// The good file with a cluster as its hook, and its workload called so there.
fn kubernetes(lines: &str, object: &str) -> Result<HookWay, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "t0ps3cret").unwrap();
    std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    native(&format!("kind = \"kubernetes\"\n{lines}"), object, folder.path())
}

/// The good file with these lines as its hook, and its workload called so there.
fn native(lines: &str, object: &str, folder: &Path) -> Result<HookWay, Vec<String>> {
    let at = "runs_on = \"r1\"\n";
    assert!(GOOD.contains(at), "{GOOD}");
    let text = GOOD
        .replacen(WEBHOOK, lines, 1)
        .replacen(at, &format!("{at}object = \"{object}\"\n"), 1);
    match parse(&text, &folder.join("site.toml")) {
        Ok((mut config, warnings)) if warnings.is_empty() => Ok(config.hooks.remove(0).way),
        Ok((_, findings)) | Err(findings) => Err(brief(&findings)),
    }
}

#[test]
fn a_cluster() {
    let Ok(HookWay::Kubernetes(target)) = kubernetes(CLUSTER, "prod/Deployment/shop") else {
        panic!("{:?}", kubernetes(CLUSTER, "prod/Deployment/shop"))
    };
    assert_eq!(target.places.racks["r1"], ["m1", "m2"]);
    assert_eq!(target.places.destinations["busan"], ["m3"]);
    assert_eq!((target.pdb_until_ms, target.autoscales), (Some(60_000), false));
    assert!(!format!("{target:?}").contains("t0ps3cret"));
    let labels = "rack_label = \"rack\"\nsite_label = \"zone=here\"\n";
    let by_label = CLUSTER.replacen("racks = { r1 = [\"m1\", \"m2\"] }\n", labels, 1);
    assert!(
        kubernetes(&by_label, "node/m1").is_ok(),
        "{:?}",
        kubernetes(&by_label, "node/m1")
    );
}

#[test]
fn a_cluster_that_cannot_be() {
    for (from, to, says) in [
        ("url = \"https://k8s.example:6443\"\n", "", "`url` is missing"),
        ("https", "http", "the cluster is reached by http://"),
        ("k8s.example", "169.254.169.254", "a hook must not point to"),
        ("k8s.example", "127.0.0.1", "the hook points to this machine"),
        ("token_file = \"token\"\n", "", "`token_file` is missing"),
        ("\"token\"", "\"none\"", "the token file `none` cannot be read"),
        ("ca.pem", "token", "`ca` `token` holds no certificate"),
        (
            "racks = { r1 = [\"m1\", \"m2\"] }\n",
            "",
            "which nodes are lost with which rack is not said",
        ),
        (
            "racks = { r1 = [\"m1\", \"m2\"] }\n",
            "rack_label = \"r\"\n",
            "`rack_label` without `site_label`",
        ),
        (
            "racks",
            "site_label = \"here\"\nracks",
            "`site_label` `here` is no label with its value",
        ),
        ("r1 =", "r2 =", "hook `mover` knows no node on the rack `r1`"),
        (
            "{ r1 = [\"m1\", \"m2\"] }",
            "[\"m1\"]",
            "`racks` of [[hook]] is of the type array",
        ),
        (
            "{ r1 = [\"m1\", \"m2\"] }",
            "{ r1 = [1] }",
            "`racks` of [[hook]] is of the type integer",
        ),
        (
            "\"m3\"",
            "\"m1\"",
            "`m1` is a destination and stands on a rack of this site",
        ),
        (
            "pdb_until_s = 60",
            "pdb_until_s = 0",
            "`pdb_until_s` = 0 s is out of range",
        ),
    ] {
        let found = kubernetes(&CLUSTER.replacen(from, to, 1), "prod/Deployment/shop").unwrap_err();
        let says = format!("error {says}");
        assert!(found.iter().any(|f| f.contains(&says)), "{from} -> {to}: {found:#?}");
    }
    only(
        &kubernetes(CLUSTER, "shop").unwrap_err(),
        "error",
        "hook `mover` has nothing that is called `shop`",
    );
}

#[test]
fn a_slurm_cluster() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for name in ["scontrol", "squeue", "sinfo", "scancel"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let good = "kind = \"slurm\"\ncommands = \".\"\nracks = { r1 = [\"c1\"] }\ncheckpoint_signal = \"USR1\"\n";
    let Ok(HookWay::Slurm(target)) = native(good, "partition/batch", folder.path()) else {
        panic!("{:?}", native(good, "partition/batch", folder.path()))
    };
    assert_eq!(target.checkpoint, Some(("USR1".into(), Duration::from_secs(30))));
    for (from, to, says) in [
        ("racks = { r1 = [\"c1\"] }\n", "", "`racks` is missing"),
        ("c1", "c[1-2]", "`c[1-2]` is not the name of a node"),
        ("c1", "--all", "`--all` is not the name of a node"),
        ("USR1", "KILL", "`checkpoint_signal` of [[hook]] cannot be `KILL`"),
        (
            "checkpoint_signal = \"USR1\"",
            "checkpoint_s = 9",
            "`checkpoint_s` without `checkpoint_signal`",
        ),
        (
            "commands = \".\"",
            "commands = \"/etc\"",
            "/etc has no scontrol, squeue, sinfo, scancel",
        ),
        ("commands", "conf = \"none\"\ncommands", "`conf` `none` is no file"),
    ] {
        let found = native(&good.replacen(from, to, 1), "all", folder.path()).unwrap_err();
        let says = format!("error {says}");
        assert!(found.iter().any(|f| f.contains(&says)), "{from} -> {to}: {found:#?}");
    }
    only(
        &native(good, "batch", folder.path()).unwrap_err(),
        "error",
        "hook `mover` has nothing that is called `batch`",
    );
}

#[test]
fn a_kind_that_is_not_known_is_one_fault() {
    let found = check(&GOOD.replacen("kind = \"webhook\"\nurl", "kind = \"webhok\"\nurl", 1));
    let found = brief(&found);
    only(&found, "error", "`kind` of [[hook]] cannot be `webhok`");
}

/// The good file, with a target that knows its rack and its destination.
fn target(kind: &str, lines: &str) -> Vec<String> {
    let places = "racks = { r1 = [\"m1\"] }\ndestinations = { busan = [\"m3\"] }\n";
    hook(&format!("kind = \"{kind}\"\n{places}{lines}"))
}

#[test]
fn a_cluster_is_reached_by_its_members_or_by_a_socket() {
    only(
        &target("lxd", "socket = \"/s\"\n"),
        "warning",
        "through this machine alone",
    );
    only(
        &target("incus", "socket = \"/s\"\n"),
        "warning",
        "through this machine alone",
    );
    let nothing = target("lxd", "").join("\n");
    for missing in ["`urls` is missing", "`cert_file` is missing", "`key_file` is missing"] {
        assert!(nothing.contains(missing), "{missing}: {nothing}");
    }
    let both = target("lxd", "socket = \"/s\"\nurls = [\"https://10.0.0.3:8443\"]\n").join("\n");
    assert!(both.contains("`urls` means nothing beside `socket`"), "{both}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let files = "cert_file = \"c.pem\"\nkey_file = \"c.pem\"\npinned_file = \"c.pem\"\n";
    let places = "racks = { r1 = [\"m1\"] }\ndestinations = { busan = [\"m3\"] }\n";
    let by = |urls: &str| {
        let lines = format!("kind = \"lxd\"\nurls = {urls}\n{files}{places}");
        in_folder(&lines, folder.path())
    };
    assert!(matches!(
        by("[\"https://10.0.0.3:8443\", \"https://10.0.0.1:8443\"]"),
        Ok(HookWay::Lxd(_))
    ));
    let one = by("[\"https://10.0.0.3:8443\"]").unwrap_err().join("\n");
    assert!(one.contains("the only way to the cluster"), "{one}");
    let here = by("[\"https://127.0.0.1:8443\", \"http://10.0.0.3\"]")
        .unwrap_err()
        .join("\n");
    assert!(
        here.contains("points to this machine") && here.contains("HTTPS only"),
        "{here}"
    );
}

#[test]
fn a_target_knows_every_rack_and_destination_of_its_workloads() {
    let socket = "kind = \"lxd\"\nsocket = \"/s\"\n";
    let with = |racks: &str, to: &str| {
        let lines = format!("{socket}racks = {racks}\ndestinations = {to}\n");
        let ladder = "rung = [{ kind = \"move\", hook = \"mover\", to = \"busan\", needs_s = 9 }, { kind = \"failover\", \
                      hook = \"mover\", to = \"busan\", needs_s = 9 }, ";
        all(&[(WEBHOOK, &lines), ("rung = [", ladder)]).join("\n")
    };
    let (rack, to) = ("{ r1 = [\"m1\"] }", "{ busan = [\"m3\"] }");
    for (racks, to, says) in [
        (rack, to, "knows no stand-by"),
        ("{ r2 = [\"m1\"] }", to, "knows nothing"),
        (rack, "{ elsewhere = [\"m1\"] }", "knows nobody at"),
        ("{ r1 = [] }", to, "has no member"),
        ("{ r1 = [\"../m1\"] }", to, "is not the name of a member"),
        ("[\"m1\"]", to, "lists by name"),
    ] {
        let found = with(racks, to);
        assert!(found.contains(says), "{racks} {to}: {found}");
    }
}

#[test]
fn a_uri_of_libvirt_starts_nothing_and_believes_somebody() {
    let with = |uri: &str| {
        let lines = format!(
            "kind = \"libvirt\"\nvirsh = \"/bin/true\"\nracks = {{ r1 = [\"{uri}\"] }}\n\
             destinations = {{ busan = [\"qemu+ssh://kvm-9/system\"] }}\n"
        );
        hook(&lines)
    };
    for good in [
        "qemu+ssh://muster@kvm-1/system",
        "qemu:///system",
        "qemu+ssh://kvm-1/system?keyfile=/etc/muster/key",
        "qemu+tls://[2001:db8::1]:16514/system",
    ] {
        assert_eq!(with(good), Vec::<String>::new(), "{good}");
    }
    only(&with("qemu+tcp://10.0.0.9/system"), "warning", "neither encrypted");
    for (bad, says) in [
        ("kvm-1", "is not the URI of a hypervisor"),
        ("qemu://kvm 1/system", "is not the URI of a hypervisor"),
        ("qemu+ssh://-oProxyCommand=x/system", "begins with a dash"),
        ("qemu+ssh://a@-oProxyCommand=x/system", "begins with a dash"),
        ("qemu+ext:///system?command=/bin/sh", "has `command=`"),
        ("qemu+tls://kvm-1/system?no_verify=1", "has `no_verify=`"),
        ("qemu+ssh://169.254.169.254/system", "must not point to"),
        ("qemu+ssh://localhost/system", "points to this machine"),
    ] {
        let found = with(bad).join("\n");
        assert!(found.contains(says), "{bad}: {found}");
    }
}
