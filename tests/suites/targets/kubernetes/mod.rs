//! Kubernetes. Every scenario is written once, against the API as it is documented, and is played on a double of it and, in
//! the heavy tier, on a real control plane: so the double is held to the truth by the same assertions as the target.

/// Hands the names of all scenarios to a macro that plays them, behind what it needs besides.
macro_rules! every_scenario {
    ($play:ident $($with:tt)*) => {
        $play!(
            $($with)*
            a_workload_moves_and_the_cordon_stands_first,
            a_move_is_done_when_it_is_ready_elsewhere,
            a_budget_is_waited_for_then_given_up,
            two_budgets_are_no_way,
            a_failover_deletes_past_the_budget,
            a_stop_scales_to_nothing_and_back,
            a_stop_leaves_alone_what_stands_elsewhere,
            a_lower_token_is_refused,
            a_drill_changes_nothing,
            what_would_not_go_is_said_before,
            a_node_is_emptied,
            another_rack_of_this_site_is_not_elsewhere,
            pods_by_labels_move,
            bare_pods_and_no_room_are_no_way,
            others_cordons_stay_theirs,
        );
    };
}

mod cluster;
mod double;
mod faults;
mod gateway;
mod kube_apiserver;
mod scenarios;

use cluster::Cluster;
use double::Double;

macro_rules! on_the_double {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let double = Double::start().await;
            scenarios::$name(&double.cluster()).await;
        }
    )*};
}

every_scenario!(on_the_double);

#[test]
fn the_example_is_a_config() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/examples/kubernetes.toml");
    let loaded = muster::config::load(&file);
    assert!(loaded.is_ok(), "{:#?}", loaded.unwrap_err());
}
