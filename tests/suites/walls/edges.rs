//! Who may depend on whom. The simulated devices share no decoder with the gateway: a scaling bug would cancel out.

use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

use super::{assert_none, tree};

/// What each of our crates may depend on of ours, in any way: to run, to test, to build.
const ALLOWED: &[(&str, &[&str])] = &[
    ("muster-wire", &[]),
    ("muster-node", &["muster-wire", "muster-profiles"]),
    ("muster-core", &["muster-wire"]),
    ("muster-profiles", &["muster-wire"]),
    ("muster-sim", &["muster-wire", "muster-node"]),
    (
        "muster",
        &["muster-core", "muster-wire", "muster-profiles", "muster-sim"],
    ),
    (
        "muster-testbed",
        &[
            "muster-core",
            "muster-wire",
            "muster-profiles",
            "muster-sim",
            "muster-node",
            "muster",
        ],
    ),
];

/// What only makes tables at build time: no decoder of one's goes into the other.
const ONLY_AT_BUILD: &[(&str, &str)] = &[("muster-node", "muster-profiles")];

/// What any crate under `firmware/boards` may depend on of ours.
const ALLOWED_BOARDS: &[&str] = &["board-common", "muster-node", "muster-wire"];

/// Everything the core may be built from: purity is compiled in, not promised.
const CORE_BUILT_FROM: &[&str] = &["muster-wire", "serde"];

/// One dependency as declared in a manifest.
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
    /// Whether the dependency is a crate of ours.
    ours: bool,
    /// Whether the dependent is a board's firmware.
    board: bool,
}

/// The declared dependencies of every package of a workspace. Needs no network and no lockfile.
fn edges_of(manifest: &Path) -> Vec<Edge> {
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata");
    let edges = metadata.packages.iter().flat_map(|package| {
        let board = package.manifest_path.as_str().contains("/firmware/boards/");
        package.dependencies.iter().map(move |dependency| Edge {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            kind: dependency.kind,
            ours: dependency.path.is_some() || dependency.name.starts_with("muster"),
            board,
        })
    });
    edges.collect()
}

/// The dependencies of the host's workspace and of every board's own.
fn all_edges() -> Vec<Edge> {
    let boards = tree::tracked()
        .into_iter()
        .filter(|path| path.starts_with("firmware/boards/"));
    let manifests = boards
        .filter(|path| path.ends_with("/Cargo.toml"))
        .chain(["Cargo.toml".to_owned()]);
    manifests.flat_map(|path| edges_of(&tree::root().join(path))).collect()
}

fn allowed_for(edge: &Edge) -> Option<&'static [&'static str]> {
    if edge.board {
        return Some(ALLOWED_BOARDS);
    }
    let row = ALLOWED.iter().find(|(name, _)| *name == edge.from);
    row.map(|(_, allowed)| *allowed)
}

fn is_built_in(edge: &Edge) -> bool {
    edge.kind != DependencyKind::Build && ONLY_AT_BUILD.contains(&(&edge.from, &edge.to))
}

fn wrong_edges(edges: &[Edge]) -> Vec<String> {
    let ours = edges.iter().filter(|edge| edge.ours);
    let wrong = ours.filter_map(|edge| match allowed_for(edge) {
        Some(_) if is_built_in(edge) => Some(format!(
            "{} -> {} ({}); only at build time",
            edge.from, edge.to, edge.kind
        )),
        Some(allowed) if allowed.contains(&edge.to.as_str()) => None,
        Some(allowed) => Some(format!(
            "{} -> {} ({}); allowed from there: {allowed:?}",
            edge.from, edge.to, edge.kind
        )),
        None => Some(format!(
            "{} -> {}: {} has no row in ALLOWED",
            edge.from, edge.to, edge.from
        )),
    });
    wrong.collect()
}

fn impure_core(edges: &[Edge]) -> Vec<String> {
    let built = edges
        .iter()
        .filter(|edge| edge.from == "muster-core" && edge.kind != DependencyKind::Development);
    let foreign = built.filter(|edge| !CORE_BUILT_FROM.contains(&edge.to.as_str()));
    foreign
        .map(|edge| format!("muster-core -> {}; allowed: {CORE_BUILT_FROM:?}", edge.to))
        .collect()
}

#[test]
fn rooms_depend_only_on_whom_the_design_allows() {
    let edges = all_edges();
    let seen = edges.iter().filter(|edge| edge.ours).count();
    assert!(seen >= 10, "the wall sees only {seen} edges between our crates");
    assert_none("A room reaches through a wall:", &wrong_edges(&edges));
}

#[test]
fn the_core_is_built_from_words_and_serde_alone() {
    assert_none("The core reaches for the world:", &impure_core(&all_edges()));
}

#[test]
fn a_planted_edge_is_seen() {
    let planted = |from: &str, to: &str, board| Edge {
        from: from.into(),
        to: to.into(),
        kind: DependencyKind::Normal,
        ours: true,
        board,
    };
    let edges = [
        planted("muster-sim", "muster-core", false),
        planted("muster-new", "muster-wire", false),
        planted("board-qemu", "muster-core", true),
        planted("muster-sim", "muster-node", false),
        planted("board-qemu", "muster-node", true),
        planted("muster-node", "muster-profiles", false),
    ];
    let wrong = wrong_edges(&edges);
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[3].contains("only at build time"), "{wrong:?}");
    assert!(wrong[0].contains("muster-sim -> muster-core"), "{wrong:?}");
    assert_eq!(impure_core(&[planted("muster-core", "tokio", false)]).len(), 1);
}
