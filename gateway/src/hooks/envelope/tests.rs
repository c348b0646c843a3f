use muster_core::{Phase, RungKind};
use serde_json::Value;

use super::*;
use crate::hooks::testing::call;

const SCHEMA: &str = include_str!("../../../hook.schema.json");

fn envelopes(clock: &Clock) -> Envelopes {
    Envelopes::new(clock.clone(), "http://10.0.0.1:8620", [3; 32]).unwrap()
}

fn told(envelopes: &Envelopes, call: &Call) -> Value {
    serde_json::from_slice(&envelopes.of(call).unwrap().body).unwrap()
}

#[test]
fn says_what_a_receiver_needs() {
    let clock = Clock::starting_at(0);
    let event = told(
        &envelopes(&clock),
        &Call {
            token: u64::MAX,
            ..call()
        },
    );
    assert_eq!(event["id"], "pangyo-b3-1.db.move.evacuate.daejeon");
    assert_eq!(event["source"], "/muster/pangyo-b3");
    assert_eq!(event["type"], "muster.step.evacuate");
    let data = &event["data"];
    assert_eq!(data["token"], u64::MAX);
    assert!((470..=480).contains(&data["deadline_in_s"].as_i64().unwrap()), "{data}");
    let deadline: jiff::Timestamp = data["deadline"].as_str().unwrap().parse().unwrap();
    let left_ms = deadline.as_millisecond() - clock.wall_ms();
    assert!((470_000..=480_001).contains(&left_ms), "{left_ms}");
    assert_eq!(data.get("clock_speed"), None);
    assert_eq!(
        data["progress_url"],
        "http://10.0.0.1:8620/api/v1/incidents/pangyo-b3-1/steps/db.move.evacuate.daejeon/progress"
    );
    let bearer = data["progress_token"].as_str().unwrap();
    assert!(progress::verify(&[3; 32], event["id"].as_str().unwrap(), bearer));
}

#[test]
fn a_drill_has_a_key_and_a_bearer_of_its_own() {
    let clock = Clock::starting_at(0);
    let drill = Call {
        mode: Mode::Drill,
        ..call()
    };
    let (live, drill) = (told(&envelopes(&clock), &call()), told(&envelopes(&clock), &drill));
    assert_eq!(drill["id"], "drill.pangyo-b3-1.db.move.evacuate.daejeon");
    assert_eq!(drill["data"]["mode"], "drill");
    assert_ne!(drill["data"]["progress_token"], live["data"]["progress_token"]);
}

#[test]
fn in_a_simulation_times_are_the_storys() {
    let clock = Clock::starting_at(0);
    clock.set_speed(10);
    let event = told(&envelopes(&clock), &call());
    assert_eq!(event["data"]["clock_speed"], 10);
    clock.set_story_wall(1_665_814_740_000);
    let told = told(&envelopes(&clock), &call());
    let deadline: jiff::Timestamp = told["data"]["deadline"].as_str().unwrap().parse().unwrap();
    let left_ms = deadline.as_millisecond() - 1_665_814_740_000;
    assert!((1..=480_000).contains(&left_ms), "{left_ms}");
}

#[test]
fn a_deadline_that_has_passed_or_lies_beyond_the_calendar_is_still_told() {
    let clock = Clock::starting_at(1_000_000);
    assert_eq!(told(&envelopes(&clock), &call())["data"]["deadline_in_s"], 0);
    let never = Call {
        deadline: i64::MAX / 4,
        ..call()
    };
    assert!(told(&envelopes(&clock), &never)["data"]["deadline"].is_string());
}

#[test]
fn odd_names_stay_inside_their_part_of_the_url() {
    let odd = Call {
        step: "a/../../x?y#z.move.evacuate.b c".into(),
        ..call()
    };
    let event = told(&envelopes(&Clock::starting_at(0)), &odd);
    let url = Url::parse(event["data"]["progress_url"].as_str().unwrap()).unwrap();
    assert_eq!(url.path_segments().unwrap().count(), 7);
    assert_eq!((url.query(), url.fragment()), (None, None));
}

#[test]
fn a_long_why_is_cut_and_the_event_stays_below_what_must_be_forwarded() {
    let long = Call {
        why: vec!["x".repeat(500); 1_000],
        ..call()
    };
    assert!(envelopes(&Clock::starting_at(0)).of(&long).unwrap().body.len() < 65_536);
}

#[test]
fn refuses_a_base_that_takes_no_path() {
    for base in ["", "10.0.0.1:8620", "mailto:a@b", "file:///x"] {
        assert!(Envelopes::new(Clock::starting_at(0), base, [0; 32]).is_err(), "{base}");
    }
    let slash = Envelopes::new(Clock::starting_at(0), "http://a/", [0; 32]).unwrap();
    assert!(
        told(&slash, &call())["data"]["progress_url"]
            .as_str()
            .unwrap()
            .starts_with("http://a/api/v1/")
    );
}

/// Everything emitted is in the schema, everything the schema requires is emitted, with its type and among its words.
#[test]
fn every_event_keeps_to_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let clock = Clock::starting_at(0);
    let made = envelopes(&clock);
    for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Restore] {
        for rung in [RungKind::Move, RungKind::Failover, RungKind::Stop] {
            for (mode, destination) in [(Mode::Live, None), (Mode::Drill, Some("daejeon".to_owned()))] {
                let call = Call {
                    phase,
                    rung,
                    mode,
                    destination,
                    ..call()
                };
                assert_matches("event", &schema, &told(&made, &call));
            }
        }
    }
    clock.set_speed(60);
    assert_matches("event", &schema, &told(&made, &call()));
}

#[test]
fn what_others_may_read_carries_no_bearer() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let made = envelopes(&Clock::starting_at(0));
    let open: Value = serde_json::from_slice(&made.without_bearer(&call()).unwrap().body).unwrap();
    assert_matches("event", &schema, &open);
    for name in ["progress_url", "progress_token"] {
        assert!(open["data"].get(name).is_none(), "{name}");
        assert!(told(&made, &call())["data"][name].is_string(), "{name}");
    }
}

#[test]
fn the_schema_check_finds_faults() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let good = told(&envelopes(&Clock::starting_at(0)), &call());
    let breaks: [fn(&mut Value); 4] = [
        |event| event["data"]["mode"] = "rehearsal".into(),
        |event| event["data"]["token"] = "7".into(),
        |event| drop(event["data"].as_object_mut().unwrap().remove("workload")),
        |event| event["extra"] = 1.into(),
    ];
    for (n, spoil) in breaks.iter().enumerate() {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(
            std::panic::catch_unwind(|| assert_matches("event", &schema, &bad)).is_err(),
            "fault {n}"
        );
    }
}

/// The few words of JSON Schema that `hook.schema.json` uses to tell a right document from a wrong one.
fn assert_matches(at: &str, schema: &Value, value: &Value) {
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    assert!(
        types.is_empty() || types.contains(&type_of(value)),
        "{at}: {value} is none of {types:?}"
    );
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    assert!(schema.get("const").is_none_or(|only| only == value), "{at}: {value}");
    if let (Some(fields), Some(parts)) = (schema["properties"].as_object(), value.as_object()) {
        for required in schema["required"].as_array().unwrap() {
            assert!(parts.contains_key(required.as_str().unwrap()), "{at}: no {required}");
        }
        for (name, part) in parts {
            let field = fields
                .get(name)
                .unwrap_or_else(|| panic!("{at}: {name} is not in the schema"));
            assert_matches(&format!("{at}.{name}"), field, part);
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
