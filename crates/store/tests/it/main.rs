//! The store's suite. Each case of [`suite!`] is a function over an open
//! store, so that another database can be put under all of them; the modules
//! after it are about files, keys and crashes.

mod canaries;
mod connections;
mod crash;
mod events;
mod flows;
mod idempotency;
mod keys;
mod listing;
mod outbox;
mod queue;
mod rotation;
mod run_search;
mod runs;
mod scheduler;
mod sessions;
mod support;
mod tampering;

/// Runs every case on a fresh SQLite store.
macro_rules! suite {
    ($($module:ident { $($case:ident,)* })*) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = crate::support::Fixture::new().await;
                    crate::$module::$case(fixture.store()).await;
                })*
            })*
        }
    };
}

suite! {
    connections {
        what_is_created_is_read_back,
        a_name_is_taken_once,
        lists_filter_and_page_stably,
        an_update_replaces_and_keeps_the_previous_version,
        kept_credentials_stay_bound_to_their_destination,
        an_update_cannot_change_what_a_connection_is,
        deletion_names_the_flows_and_obeys_force,
        credentials_do_not_survive_into_a_namesake,
        accounts_do_not_see_one_another,
    }
    flows {
        a_flow_lives_and_dies,
        a_flow_uses_only_connections_that_exist,
        flows_page_in_the_order_of_their_names,
        a_flow_with_a_run_under_way_is_kept,
    }
    listing {
        the_list_filters_sorts_and_counts,
        a_check_lives_as_long_as_what_was_checked,
        ten_thousand_connections_are_listed_at_once,
    }
    run_search {
        each_condition_narrows_the_search_down,
        pages_of_a_search_do_not_move_and_parts_of_it_can_be_left_out,
    }
    runs {
        runs_are_asked_for_together_or_not_at_all,
        runs_page_from_the_newest_and_do_not_move,
        the_latest_run_of_each_flow,
        cancelling_depends_on_what_the_run_does,
    }
    queue {
        a_run_goes_from_queued_to_successful,
        nobody_holds_a_run_twice_and_a_flow_runs_once,
        flows_take_turns,
        a_stale_attempt_writes_nothing,
        a_publishing_run_is_only_completed,
        a_cancelled_run_publishes_nothing,
        a_released_run_is_claimed_again,
        a_waiting_worker_is_woken,
        the_leases_of_a_dead_process_can_be_ended,
    }
    outbox {
        a_run_is_announced_once_when_it_begins_and_when_it_ends,
        a_cancelled_run_is_announced_if_it_ever_began,
        what_was_delivered_is_gone_and_what_was_not_is_put_off,
        the_outbox_is_bounded_in_number_and_age,
        a_deactivation_is_announced_with_its_run,
    }
    scheduler {
        a_due_tick_is_queued_once,
        ticks_join_the_run_that_waits_and_none_that_has_begun,
        a_tick_that_has_its_run_is_not_run_again,
        a_schedule_starts_and_stops_with_its_flow,
        the_cursor_moves_with_success_only,
        a_forgotten_cursor_does_not_come_back,
        errors_in_a_row_deactivate_the_flow,
        a_deactivation_is_about_the_schedule_alone,
    }
    events {
        events_are_kept_in_order_and_join_the_run_that_waits,
        an_event_that_is_delivered_again_is_recognised,
        identifiers_are_remembered_for_so_many_events,
        an_inbox_that_is_full_refuses_a_delivery_whole,
        a_flow_that_is_not_admitted_takes_nothing,
        each_attempt_takes_the_same_events,
        a_run_that_fails_keeps_its_events_and_is_put_off,
        errors_in_a_row_deactivate_an_event_flow,
        a_cancelled_run_keeps_its_events,
        a_suspended_flow_keeps_what_waits,
        a_flow_goes_with_its_inbox_only_by_force,
        the_runs_of_other_flows_take_no_events,
        a_large_inbox_is_read_in_pieces,
    }
    idempotency {
        a_call_that_comes_twice_has_its_effect_once,
        calls_that_come_at_once_have_one_effect,
        another_input_is_refused,
        tokens_of_other_operations_and_accounts_do_not_meet,
        a_failed_call_leaves_no_token,
        an_expired_token_is_free_again,
    }
    keys {
        a_key_is_stored_opened_and_barred,
        a_root_key_is_replaced_only_by_another,
    }
    sessions {
        a_password_ends_the_sessions_of_the_one_before,
        a_disabled_user_is_out_until_an_operator_sets_a_password,
        a_session_ends_when_it_is_revoked_or_idle_or_old,
        a_session_has_few_keys_and_they_run_out,
    }
}
