//! Racks: what feeds each, and until when. Those that lose their power come first.

use maud::{Markup, html};
use muster_core::RackView;

use super::{Moment, rest, span, tag};

/// Racks on the page: who has more asks the API for them.
const SHOWN: usize = 40;

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    let mut racks: Vec<&RackView> = moment.view.racks.iter().collect();
    if racks.is_empty() {
        return html! {};
    }
    racks.sort_by_key(|rack| (!rack.gone, rack.loss.as_ref().map_or(i64::MAX, |l| l.earliest)));
    html! {
        section #racks data-part="" {
            h2 { "Racks " small { "what feeds each, and until when" } }
            @for rack in racks.iter().take(SHOWN) { (item(moment, rack)) }
            (rest(racks.len(), SHOWN))
        }
    }
}

fn item(moment: &Moment<'_>, rack: &RackView) -> Markup {
    html! {
        p.item {
            b { (rack.id) } " fed by " (fed_by(rack)) " "
            @if rack.gone { (tag("without power")) }
            @else if rack.doomed { (tag("doomed")) }
            @match &rack.loss {
                None => " nothing threatens it",
                Some(loss) => {
                    @if !rack.gone {
                        " until " (moment.time(loss.earliest)) " at least, in " (span((loss.earliest - moment.view.now).max(0)))
                    }
                    br; span.reason { (loss.why) }
                }
            }
        }
    }
}

/// `ups-a or ups-b`; `2 of ups-1, ups-2, ups-3`.
fn fed_by(rack: &RackView) -> String {
    if rack.needs <= 1 {
        return rack.by.join(" or ");
    }
    format!("{} of {}", rack.needs, rack.by.join(", "))
}
