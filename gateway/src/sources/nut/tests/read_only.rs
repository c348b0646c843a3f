//! Nothing is ever sent but what reads: looked at in the code, because a peer only sees what happens to be sent.

use std::path::Path;

/// Words of the protocol that change something, make somebody wait for us, or carry a password.
const OTHERS: [&str; 9] = [
    "LOGIN", "PRIMARY", "MASTER", "INSTCMD", "SET ", "FSD ", "USERNAME", "PASSWORD", "TRACKING",
];

#[test]
fn no_code_here_can_write_another_request() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sources/nut");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
        for word in OTHERS {
            assert!(!code.contains(&format!("\"{word}")), "{word} in {}", path.display());
        }
        let sends = code.matches("write_all").count();
        assert_eq!(sends, usize::from(path.ends_with("link.rs")), "{}", path.display());
    }
    assert!(files >= 8, "{files}");
}
