//! `[[principal]]`.

use std::collections::BTreeMap;

use muster_core::{Principal, Role};
use sha2::{Digest as _, Sha256};

use super::faults::{At, Faults, quoted};
use super::table::Table;

/// Tokens of the published examples.
const EXAMPLE_TOKENS: [&str; 2] = ["muster-example-token-anna", "muster-example-token-ben"];

/// `[[principal]]` as it stands in the file.
pub(super) struct PrincipalRow {
    pub(super) id: At<String>,
    roles: Vec<At<Role>>,
    hash: Option<At<[u8; 32]>>,
}

impl PrincipalRow {
    pub(super) fn lower(&self) -> (Principal, [u8; 32]) {
        let mut roles: Vec<_> = self.roles.iter().map(|r| r.value).collect();
        roles.sort_unstable();
        roles.dedup();
        let hash = self.hash.as_ref().map_or([0; 32], |h| h.value);
        (
            Principal {
                id: self.id.value.clone(),
                roles,
            },
            hash,
        )
    }
}

/// Reads all of them.
pub(super) fn read(root: &Table<'_>, simulated: bool) -> Vec<PrincipalRow> {
    let rows: Vec<_> = root.tables("principal", "[[principal]]").iter().map(read_one).collect();
    check_twins(&rows, root.faults);
    check_two_of_each(&rows, root.faults);
    if !simulated {
        check_examples(&rows, root.faults);
    }
    rows
}

fn read_one(table: &Table<'_>) -> PrincipalRow {
    const ROLES: [Role; 2] = [Role::Operator, Role::Safety];
    let roles = table.choices("roles", &ROLES.map(|r| (r.as_str(), r)));
    if table.place("roles").is_none() {
        table.missing(
            "roles",
            "roles = [\"operator\"], [\"safety\"] or both; [] may only look",
        );
    }
    let row = PrincipalRow {
        id: table.need_id("id"),
        roles,
        hash: hash(table),
    };
    table.finish();
    row
}

fn hash(table: &Table<'_>) -> Option<At<[u8; 32]>> {
    const HINT: &str = "sha256: and 64 hex digits; printf %s \"$TOKEN\" | sha256sum";
    let text = table.need_text("token_hash", HINT);
    let hash = text.value.strip_prefix("sha256:").and_then(from_hex);
    if hash.is_none() && text.at != table.at {
        // Never quoted: it may be the token itself.
        table.faults.error(text.at, "this is not the hash of a token", HINT);
    }
    hash.map(|h| At::new(h, text.at))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    (digits.len() == 64).then_some(bytes)?.try_into().ok()
}

/// One person with two accounts would be two persons.
fn check_twins(rows: &[PrincipalRow], faults: &Faults<'_>) {
    let mut seen = BTreeMap::new();
    for row in rows {
        let Some(hash) = &row.hash else { continue };
        if let Some(first) = seen.insert(hash.value, &row.id.value) {
            let what = format!("{} has the same token as {}", quoted(&row.id.value), quoted(first));
            faults.error(
                hash.at,
                what,
                "one person must not count as two: give each a token of their own",
            );
        }
    }
}

fn check_two_of_each(rows: &[PrincipalRow], faults: &Faults<'_>) {
    let at = rows.first().map_or(0, |r| r.id.at);
    if rows.is_empty() {
        let hint = "declare at least two persons with the roles `operator` and `safety`";
        faults.warning(at, "there is no [[principal]]: nobody can order anything", hint);
        return;
    }
    for (role, orders) in [
        (Role::Operator, "evacuate, abort and cut"),
        (Role::Safety, "disarm, reset and return"),
    ] {
        let having = rows
            .iter()
            .filter(|row| row.roles.iter().any(|r| r.value == role))
            .count();
        if having < 2 {
            let what = format!("{having} of the principals has the role `{role}`; {orders} need two persons");
            faults.warning(at, what, format!("give the role `{role}` to at least two"));
        }
    }
}

fn check_examples(rows: &[PrincipalRow], faults: &Faults<'_>) {
    let known = EXAMPLE_TOKENS.map(|token| <[u8; 32]>::from(Sha256::digest(token)));
    for hash in rows
        .iter()
        .filter_map(|row| row.hash.as_ref())
        .filter(|h| known.contains(&h.value))
    {
        let hint = "make one with: muster order token --id NAME --roles operator,safety --out NAME.tok";
        faults.warning(
            hash.at,
            "this token is published with Muster's examples: everybody knows it",
            hint,
        );
    }
}
