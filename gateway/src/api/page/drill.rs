//! The drill that is under way, and the last one.

use maud::{Markup, html};

use super::{Moment, tag, workloads};

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    let (drill, last) = (moment.view.drill.as_ref(), moment.view.last_drill.as_ref());
    html! {
        @if drill.is_some() || last.is_some() {
            section #drill data-part="" {
                @if let Some(drill) = drill { (workloads::table(moment, drill)) }
                @if let Some(last) = last {
                    p { "Last drill " span.id { (last.id) } " " (tag(last.outcome.as_str())) " " (moment.day_and_time(last.ended)) ": " (last.why) }
                    @for result in last.results.iter().filter(|result| !result.passed).take(5) {
                        p.item { span.id { (result.workload) } " " (result.why) }
                    }
                }
            }
        }
    }
}
