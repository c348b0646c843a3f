//! `POST /api/v1/drills`: a person wants the bridges walked. Whether that may be now is decided by the core.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use muster_core::Verdict;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::serve::Room;
use super::{body, orders};
use crate::lanes::Control;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Named, so that nobody drills another site than they meant.
    site: String,
    /// None: all.
    workload: Option<String>,
    /// Only whether it may begin.
    #[serde(default)]
    dry_run: bool,
}

pub(crate) async fn post(
    State(room): State<Arc<Room>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let by = orders::identify(&room, &headers)?;
    let asked: Asked = body::json(&headers, body).await?;
    let site = room.state.view.borrow().site.clone();
    if asked.site != site {
        let why = format!("this is the gateway of {site}, and drills no other site");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    tracing::info!(by = &*by, dry = asked.dry_run, "a drill was ordered");
    let (who, dry) = (Some(by.clone()), asked.dry_run);
    let workloads: Vec<String> = asked.workload.iter().cloned().collect();
    let answer = orders::give(&room.state.lanes, |answer| Control::Drill {
        by: who,
        workloads,
        dry,
        answer,
    });
    let answer = answer.await?;
    if answer.verdict == Verdict::Refused {
        return Err(Problem::new(StatusCode::CONFLICT, answer.why));
    }
    Ok(Json(json!({
        "schema": 1, "verdict": answer.verdict, "why": answer.why, "by": &*by, "dry_run": dry,
    })))
}
