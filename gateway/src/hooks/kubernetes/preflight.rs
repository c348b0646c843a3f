//! What the cluster says before it is needed: for the loss of this whole site.

use std::collections::BTreeMap;

use super::api::Api;
use super::ground::Ground;
use super::kinds::Pod;
use super::object::{FORMS, Object};
use super::rights::rights;
use super::room::{Room, Short};
use super::step::{Halt, look, seen};
use super::stuck::stuck;
use super::{Kubernetes, words_of};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight};

/// The cluster as it is now.
struct Seen {
    ground: Ground,
    pods: Vec<Pod>,
}

impl Kubernetes {
    /// Reads, and asks whether it may; changes nothing.
    pub(crate) async fn preflight(&self) -> Preflight {
        let api = self.api(true);
        let reachable = reachable(&api).await;
        if !matches!(reachable, Answer::Yes { .. }) {
            return Preflight::only_reached(reachable, "it does not answer");
        }
        let objects: Vec<Object> = self
            .works
            .values()
            .filter_map(|placed| Object::parse(&placed.object))
            .collect();
        let rights = rights(&api, &objects)
            .await
            .unwrap_or_else(|cause| unknown(&cause.to_string()));
        match self.see(&api).await {
            Ok(seen) => Preflight {
                room: self.room(&seen),
                workloads: self.workloads(&api, &seen).await,
                reachable,
                rights,
            },
            Err(halt) => Preflight {
                rights,
                ..Preflight::only_reached(reachable, &words_of(halt))
            },
        }
    }

    async fn see(&self, api: &Api) -> Result<Seen, Halt> {
        let ground = seen(api, &self.target, None, None).await?;
        let pods = api.pods(None, &[]).await?;
        Ok(Seen { ground, pods })
    }

    /// Room for everything that would come: the pods on all doomed nodes together, whoever they belong to.
    fn room(&self, seen: &Seen) -> BTreeMap<String, Answer> {
        let goes = |pod: &&Pod| pod.is_live() && !pod.is_of_its_node() && seen.ground.is_doomed(&pod.spec.node_name);
        let coming: Vec<&Pod> = seen.pods.iter().filter(goes).collect();
        let destinations = self.target.places.destinations.keys();
        let answer = |to: &String| {
            let mut room = Room::of(seen.ground.safe(&self.target, Some(to)), &seen.pods);
            let free = room.seen();
            let answer = match room.take(&coming) {
                Ok(()) => Answer::Yes {
                    seen: format!("{free}, {} pods would come", coming.len()),
                },
                Err(short) => no_room(short, &free),
            };
            (to.clone(), answer)
        };
        destinations.map(answer).collect()
    }

    async fn workloads(&self, api: &Api, seen: &Seen) -> BTreeMap<String, Answer> {
        let mut all = BTreeMap::new();
        for (id, placed) in &self.works {
            let answer = self.would_go(api, seen, placed).await;
            all.insert(id.clone(), answer.unwrap_or_else(|halt| unfound(halt, placed)));
        }
        all
    }

    async fn would_go(&self, api: &Api, seen: &Seen, placed: &Placed) -> Result<Answer, Halt> {
        let Some(object) = Object::parse(&placed.object) else {
            return Ok(no(&format!("object `{}` is unknown", placed.object), FORMS));
        };
        if !seen.ground.knows(&self.target, &placed.rack) {
            let why = format!("no node is known to stand on its rack {}", placed.rack);
            return Ok(no(&why, "name the rack's nodes under `racks`, or label them"));
        }
        let work = look(api, &object).await?;
        let goes = |pod: &&Pod| pod.is_live() && !pod.is_of_its_node() && seen.ground.is_doomed(&pod.spec.node_name);
        let pods: Vec<&Pod> = work.pods.iter().filter(goes).collect();
        if let Some(answer) = stuck(api, &pods).await? {
            return Ok(answer);
        }
        let mut room = Room::of(seen.ground.safe(&self.target, None), &seen.pods);
        let free = room.seen();
        Ok(match room.take(&pods) {
            Ok(()) => Answer::Yes {
                seen: format!("{} of its {} pods would go", pods.len(), work.pods.len()),
            },
            Err(short) => no_room(short, &free),
        })
    }
}

/// `/readyz`, or `/healthz` where the API is older than 1.16.
async fn reachable(api: &Api) -> Answer {
    let ready = match api.words(&["readyz"]).await {
        Err(error) if error.code() == Some(404) => api.words(&["healthz"]).await,
        answer => answer,
    };
    match ready {
        Ok(words) => Answer::Yes {
            seen: words.lines().next().unwrap_or_default().to_owned(),
        },
        Err(cause) => no(
            &cause.to_string(),
            "see that `url`, `ca` and the token or certificate are those of this cluster",
        ),
    }
}

fn no_room(short: Short, free: &str) -> Answer {
    match short {
        Short::Never(why) => no(&why, "add nodes elsewhere that it may run on, or loosen what binds it"),
        Short::Wait(why) => no(&why, "bring that node back, or add room elsewhere"),
        Short::Now(why) => no(&format!("{why}; {free}"), "free or add room on nodes that stay"),
    }
}

fn unfound(halt: Halt, placed: &Placed) -> Answer {
    no(
        &words_of(halt),
        &format!("see that `{}` exists and may be read", placed.object),
    )
}

fn no(why: &str, mend: &str) -> Answer {
    Answer::No {
        why: why.to_owned(),
        mend: mend.to_owned(),
    }
}

fn unknown(why: &str) -> Answer {
    Answer::Unknown { why: why.to_owned() }
}
