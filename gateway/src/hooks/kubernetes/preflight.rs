//! What the cluster says before it is needed: for the loss of this whole site.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::api::Api;
use super::ground::Ground;
use super::kinds::{Node, Pod, Scaled};
use super::object::{FORMS, Object};
use super::rights::rights;
use super::room::{Room, Short};
use super::step::{Halt, no_such, seen};
use super::stuck::{Budgets, stuck};
use super::{Kubernetes, words_of};
use crate::config::Placed;
use crate::hooks::preflight::{Answer, Preflight, There};
use crate::hooks::side_by_side::ask_all;
use crate::hooks::stock::Stock;

/// The cluster as it is now. Nodes and pods are read once, not for each workload.
struct Seen {
    ground: Ground,
    pods: Vec<Pod>,
}

/// What is found of one workload.
struct Judged {
    answer: Answer,
    /// Its pods that would go.
    going: Vec<Pod>,
}

impl Kubernetes {
    /// Reads, and asks whether it may; changes nothing.
    pub(crate) async fn preflight(&self) -> Preflight {
        let api = self.api(true);
        let reachable = reachable(&api).await;
        if !matches!(reachable, Answer::Yes { .. }) {
            return Preflight::only_reached(reachable, "it does not answer");
        }
        let objects = self.works.values().filter_map(|placed| Object::parse(&placed.object));
        let objects: Vec<Object> = objects.collect();
        let (rights, found) = tokio::join!(rights(&api, &objects), self.see(&api));
        let rights = rights.unwrap_or_else(|cause| unknown(&cause.to_string()));
        match found {
            Ok(seen) => self.judged(&api, seen, (reachable, rights)).await,
            Err(halt) => Preflight {
                rights,
                ..Preflight::only_reached(reachable, &words_of(halt))
            },
        }
    }

    async fn see(&self, api: &Api) -> Result<Seen, Halt> {
        let (ground, pods) = tokio::join!(seen(api, &self.target, None, None), api.pods(None, &[]));
        Ok(Seen {
            ground: ground?,
            pods: pods?,
        })
    }

    async fn judged(&self, api: &Api, seen: Seen, (reachable, rights): (Answer, Answer)) -> Preflight {
        let seen = Arc::new(seen);
        let works = self.workloads(api, &seen).await;
        let going = || works.values().flat_map(|judged| &judged.going);
        let budgets = Budgets::of(api, going().map(|pod| pod.metadata.namespace.as_str()).collect()).await;
        let moves = works.iter().filter_map(|(id, judged)| {
            let pods: Vec<&Pod> = judged.going.iter().collect();
            Some((id.clone(), budgets.hold(&pods)?))
        });
        let named: BTreeSet<&str> = going().map(|pod| pod.metadata.uid.as_str()).collect();
        Preflight {
            reachable,
            rights: with_nobodys(rights, nobodys(&seen, &named)),
            room: self.by_destination(|to| self.room(&seen, to)),
            there: self.by_destination(|to| self.there(&seen, to)),
            moves: moves.collect(),
            stock: self.stock(&seen, &works),
            workloads: works.into_iter().map(|(id, judged)| (id, judged.answer)).collect(),
        }
    }

    fn by_destination<T>(&self, of: impl Fn(&str) -> T) -> BTreeMap<String, T> {
        let all = self.target.places.destinations.keys();
        all.map(|to| (to.clone(), of(to))).collect()
    }

    /// Whether there is any to be had; what comes is summed up by whoever knows what goes where.
    fn room(&self, seen: &Seen, to: &str) -> Answer {
        let room = Room::of(seen.ground.safe(&self.target, Some(to)), &seen.pods);
        if room.free().is_empty() {
            let why = format!("no node at {to} is ready and open");
            return no(&why, "bring its nodes back, or uncordon them");
        }
        Answer::Yes { seen: room.seen() }
    }

    fn there(&self, seen: &Seen, to: &str) -> There {
        let nodes: Vec<&Node> = seen.ground.safe(&self.target, Some(to)).collect();
        if nodes.iter().any(|node| node.is_ready()) {
            return There::Somebody;
        }
        let names: Vec<&str> = nodes.iter().map(|node| node.metadata.name.as_str()).collect();
        let why = format!("{}: no node of it is ready ({})", self.id, names.join(", "));
        There::Nobody { why }
    }

    fn stock(&self, seen: &Seen, works: &BTreeMap<String, Judged>) -> Stock {
        let room = Room::of(seen.ground.safe(&self.target, None), &seen.pods);
        let names = |to: &str| {
            let nodes = seen.ground.safe(&self.target, Some(to));
            nodes.map(|node| node.metadata.name.clone()).collect()
        };
        let pieces = |judged: &Judged| judged.going.iter().map(|pod| room.piece(pod)).collect();
        Stock {
            free: room.free(),
            members: self.by_destination(names),
            needs: works.iter().map(|(id, judged)| (id.clone(), pieces(judged))).collect(),
        }
    }

    async fn workloads(&self, api: &Api, seen: &Arc<Seen>) -> BTreeMap<String, Judged> {
        let hook = Arc::new(self.clone());
        let ask = |(id, placed): (&String, &Placed)| {
            let (hook, api, seen) = (Arc::clone(&hook), api.clone(), Arc::clone(seen));
            let (id, placed) = (id.clone(), placed.clone());
            async move {
                let judged = hook.would_go(&api, &seen, &placed).await;
                (id, judged.unwrap_or_else(|halt| unfound(halt, &placed).into()))
            }
        };
        let answers = ask_all(self.works.iter().map(ask)).await;
        answers.into_iter().flatten().collect()
    }

    async fn would_go(&self, api: &Api, seen: &Seen, placed: &Placed) -> Result<Judged, Halt> {
        let Some(object) = Object::parse(&placed.object) else {
            return Ok(no(&format!("object `{}` is unknown", placed.object), FORMS).into());
        };
        if !seen.ground.knows(&self.target, &placed.rack) {
            let why = format!("no node is known to stand on its rack {}", placed.rack);
            return Ok(no(&why, "name the rack's nodes under `racks`, or label them").into());
        }
        let all = pods_of(api, seen, &object).await?;
        let of = all.len();
        let going: Vec<Pod> = all.into_iter().filter(|pod| seen.goes(pod)).collect();
        let pods: Vec<&Pod> = going.iter().collect();
        if let Some(answer) = stuck(api, &pods).await? {
            return Ok(Judged { answer, going });
        }
        let mut room = Room::of(seen.ground.safe(&self.target, None), &seen.pods);
        let free = room.seen();
        let answer = match room.take(&pods) {
            Ok(()) => Answer::Yes {
                seen: format!("{} of its {of} pods would go", pods.len()),
            },
            Err(short) => no_room(short, &free),
        };
        Ok(Judged { answer, going })
    }
}

impl Seen {
    fn goes(&self, pod: &Pod) -> bool {
        pod.is_live() && !pod.is_of_its_node() && self.ground.is_doomed(&pod.spec.node_name)
    }
}

impl From<Answer> for Judged {
    fn from(answer: Answer) -> Self {
        let going = Vec::new();
        Self { answer, going }
    }
}

/// A workload's pods, out of all that have been read; only what keeps them is asked for.
async fn pods_of(api: &Api, seen: &Seen, object: &Object) -> Result<Vec<Pod>, Halt> {
    let of = |holds: &dyn Fn(&Pod) -> bool| seen.pods.iter().filter(|pod| holds(pod)).cloned().collect();
    Ok(match object {
        Object::Scaled { namespace, .. } => {
            let scaled: Option<Scaled> = api.find(&object.place().unwrap_or_default()).await?;
            let scaled = scaled.ok_or_else(|| no_such(object))?;
            let selector = &scaled.spec.selector;
            of(&|pod| pod.metadata.namespace == *namespace && selector.chooses(&pod.metadata.labels))
        }
        // The API reads them in more ways than we do.
        Object::Pods { namespace, labels } => api.pods(Some(namespace), &[("labelSelector", labels)]).await?,
        Object::Node(name) => of(&|pod| pod.spec.node_name == *name),
    })
}

/// Pods on doomed nodes that no workload names.
fn nobodys(seen: &Seen, named: &BTreeSet<&str>) -> usize {
    let left = seen.pods.iter().filter(|pod| seen.goes(pod));
    left.filter(|pod| !named.contains(pod.metadata.uid.as_str())).count()
}

fn with_nobodys(rights: Answer, nobodys: usize) -> Answer {
    match rights {
        Answer::Yes { seen } if nobodys > 0 => Answer::Yes {
            seen: format!("{seen}; LEFT BEHIND, as no workload names them: {nobodys} pods"),
        },
        rights => rights,
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
