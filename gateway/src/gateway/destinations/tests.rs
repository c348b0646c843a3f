//! What is told of destinations, by what hooks say of them.

use muster_core::{DestinationView, IncidentView, RungKind};

use super::*;
use crate::config::parse;
use crate::hooks::preflight::Answer;
use crate::hooks::stock::{Amounts, Piece, Stock};
use crate::lanes::{LaneEnds, lanes};

const SITE: &str = r#"
[site]
id = "ansan"

[mqtt]
listen = false

[[zone]]
id = "room"

[[source]]
id = "ups-a"
kind = "nut"
address = "192.0.2.9:3493"
ups = "a"
zone = "room"
signals = ["on_battery"]

[[hook]]
id = "one"
kind = "webhook"
url = "https://192.0.2.7/"
secret = "whsec_bXVzdGVyLWV4YW1wbGUtc2VjcmV0LW9mLXJlbG9jYXRl"

[[hook]]
id = "two"
kind = "webhook"
url = "https://192.0.2.8/"
secret = "whsec_bXVzdGVyLWV4YW1wbGUtc2VjcmV0LW9mLXJlbG9jYXRl"

[[workload]]
id = "web"
tier = 2
runs_on = "r1"
room = 4
rung = [ { kind = "move", hook = "one", to = "busan", needs_s = 10 } ]

[[workload]]
id = "db"
tier = 1
runs_on = "r1"
room = 8
rung = [ { kind = "move", hook = "one", to = "busan", needs_s = 10 } ]

[[workload]]
id = "mail"
tier = 1
runs_on = "r1"
room = 2
rung = [ { kind = "move", hook = "two", to = "busan", needs_s = 10 } ]
"#;

fn site() -> Site {
    (*parse(SITE, std::path::Path::new("site.toml")).unwrap().0.site).clone()
}

fn said() -> Preflight {
    Preflight::only_reached(Answer::Yes { seen: "it is".into() }, "not asked")
}

fn nobody() -> Preflight {
    let why = "m3 is Offline".to_owned();
    Preflight {
        there: [("busan".to_owned(), There::Nobody { why })].into(),
        ..said()
    }
}

fn memory(n: i128) -> Amounts {
    [("memory".to_owned(), n)].into()
}

/// One member with so much of it; `db` takes 60, `web` 50.
fn free(n: i128) -> Preflight {
    let takes = |n| {
        vec![Piece {
            takes: memory(n),
            only: None,
        }]
    };
    Preflight {
        there: [("busan".to_owned(), There::Somebody)].into(),
        stock: Stock {
            free: [("m3".to_owned(), memory(n))].into(),
            members: [("busan".to_owned(), ["m3".to_owned()].into())].into(),
            needs: [("db".to_owned(), takes(60)), ("web".to_owned(), takes(50))].into(),
        },
        ..said()
    }
}

fn of(asked: &[Preflight], away: &[&str]) -> Found {
    found(&site(), asked, &away.iter().copied().collect())
        .remove("busan")
        .unwrap()
}

#[test]
fn nobody_is_there_when_everybody_says_so() {
    let gone = |asked: &[Preflight]| matches!(of(asked, &[]).there, Some(There::Nobody { .. }));
    assert!(gone(&[nobody(), nobody()]));
    assert!(!gone(&[nobody(), said()]), "one hook cannot say, so nobody knows");
    assert_eq!(of(&[nobody(), free(0)], &[]).there, Some(There::Somebody));
    assert_eq!(of(&[said(), said()], &[]).there, None);
}

#[test]
fn what_fits_is_told_in_the_owners_units_by_tier() {
    let fits = |asked: &[Preflight]| of(asked, &[]).fits;
    assert_eq!(fits(&[free(200), said()]), Some(Fits::All));
    // db comes first and leaves nothing for web; mail is another hook's, which may have room of its own.
    assert_eq!(fits(&[free(100), said()]), Some(Fits::Only(8 + 2)));
    assert_eq!(fits(&[free(55), said()]), Some(Fits::Only(4 + 2)));
    assert_eq!(fits(&[free(0), said()]), Some(Fits::Only(2)));
    assert_eq!(fits(&[nobody(), said()]), Some(Fits::Only(2)));
    assert_eq!(fits(&[nobody(), nobody()]), Some(Fits::Only(0)));
    assert_eq!(fits(&[said(), said()]), None);
    // What has arrived is counted by the core.
    assert_eq!(of(&[free(55), said()], &["db"]).fits, Some(Fits::All));
}

/// A view of one destination and one workload that goes there.
fn view(lost: Option<&str>, state: &str) -> View {
    let mut view = muster_core::State::new().view(0);
    view.destinations = vec![DestinationView {
        id: "busan".into(),
        room: None,
        taken: 0,
        lost: lost.map(str::to_owned),
    }];
    view.incident = Some(IncidentView {
        id: "ansan-1".into(),
        opened: 0,
        closed: None,
        mode: Mode::Live,
        why: String::new(),
        evacuate_begun: None,
        plan_end: None,
        workloads: vec![WorkloadView {
            id: "db".into(),
            tier: 1,
            state: state.into(),
            rung: RungKind::Move,
            destination: Some("busan".into()),
            latest_start: None,
            why: String::new(),
            safe_at: None,
        }],
        steps: Vec::new(),
    });
    view
}

struct Stand {
    destinations: Destinations,
    lanes: Lanes,
    ends: LaneEnds,
}

impl Stand {
    fn new() -> Self {
        let (lanes, ends) = lanes();
        Self {
            destinations: Destinations::default(),
            lanes,
            ends,
        }
    }

    /// What is told by these answers, and whether it is to be asked again.
    async fn told(&mut self, asked: &[Preflight], view: &View) -> (Vec<Elsewhere>, bool) {
        let doubt = self.destinations.tell(&site(), asked, (view, &self.lanes), view).await;
        let mut told = Vec::new();
        while let Ok(control) = self.ends.control.try_recv() {
            let Control::Input(Input::Destination { says, .. }) = control else {
                panic!("{control:?}")
            };
            told.push(says);
        }
        (told, doubt)
    }
}

#[tokio::test]
async fn one_refusal_leaves_nothing_and_two_do() {
    let mut stand = Stand::new();
    stand.destinations.apart = Duration::from_millis(300);
    let (asked, quiet) = ([nobody(), nobody()], view(None, "waiting"));
    let (told, doubt) = stand.told(&asked, &quiet).await;
    assert!(doubt && told == [Elsewhere::Room { units: Some(0) }], "{told:?}");
    let (told, doubt) = stand.told(&[said(), said()], &quiet).await;
    assert!(!doubt && told.is_empty(), "silence is no fact: {told:?}");
    stand.told(&asked, &quiet).await;
    let early = stand.told(&asked, &quiet).await;
    assert_eq!(early, (vec![], true), "not yet twice");
    tokio::time::sleep(stand.destinations.apart).await;
    let (told, doubt) = stand.told(&asked, &quiet).await;
    assert!(
        !doubt && matches!(&told[..], [Elsewhere::Lost { why }] if why.contains("m3 is Offline")),
        "{told:?}"
    );
}

#[tokio::test]
async fn only_a_loss_that_was_found_here_is_taken_back() {
    let mut stand = Stand::new();
    let asked = [free(500), said()];
    let ours = format!("{NOBODY}: m3 is Offline");
    let (told, _) = stand.told(&asked, &view(Some(&ours), "waiting")).await;
    assert_eq!(told, [Elsewhere::Well], "also after a restart");
    let (told, _) = stand.told(&asked, &view(Some("it has a vote"), "waiting")).await;
    assert!(told.is_empty(), "{told:?}");
    let (told, _) = stand.told(&[said(), said()], &view(Some(&ours), "waiting")).await;
    assert!(told.is_empty(), "silence is no fact: {told:?}");
}

#[tokio::test]
async fn room_is_told_when_it_changes_and_never_while_something_is_on_its_way() {
    let mut stand = Stand::new();
    let quiet = view(None, "waiting");
    let full = [free(0), said()];
    for busy in ["moving", "verifying", "returning"] {
        let (told, _) = stand.told(&full, &view(None, busy)).await;
        assert!(told.is_empty(), "{busy}: {told:?}");
    }
    let mut rehearsed = view(None, "moved");
    rehearsed.incident.as_mut().unwrap().mode = Mode::Drill;
    let told = stand.told(&full, &rehearsed).await.0;
    assert_eq!(told, [Elsewhere::Room { units: Some(2) }], "nothing has gone anywhere");
    assert!(stand.told(&full, &quiet).await.0.is_empty(), "nothing has changed");
    assert!(
        stand.told(&[said(), said()], &quiet).await.0.is_empty(),
        "what was told holds"
    );
    assert_eq!(
        stand.told(&[free(500), said()], &quiet).await.0,
        [Elsewhere::Room { units: None }]
    );
    stand.destinations.doubt_all();
    let again = stand.told(&[free(500), said()], &quiet).await.0;
    assert_eq!(
        again,
        [Elsewhere::Room { units: None }],
        "under another config it is told again"
    );
}
