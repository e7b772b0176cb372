//! Flows that a schedule runs: ticks, cursors, errors in a row.

use tidegate_core::ExecutionId;
use tidegate_core::flow::FlowStatus;
use tidegate_core::run::{CommitList, FlowCursor, Run, RunCounts, RunStatus, RunTrigger};
use tidegate_core::schedule::{DueTicks, PullWindow};
use tidegate_store::{
    Activation, ClaimedRun, Ending, FlowRecord, ScheduledFlow, Signal, Store, StoreError, TickRun,
};

use crate::support::*;

const LONG: i64 = 60_000;
const OVER: i64 = 0;
/// Ticks come every so many milliseconds.
const PERIOD: i64 = 100;

pub async fn active(store: &Store, name: &str, at: i64) -> FlowRecord {
    create_flow(store, name, &[]).await;
    activate(store, name, at).await
}

async fn activate(store: &Store, name: &str, at: i64) -> FlowRecord {
    change(store, name, move |flow| {
        (flow.status, flow.status_message) = (FlowStatus::Active, None);
        flow.state.activation = Some(Activation { activated_at_ms: at, next_due_ms: Some(at) });
        flow.state.error_streak = 0;
    })
    .await
}

async fn change(
    store: &Store,
    name: &str,
    change: impl FnOnce(&mut FlowRecord) + Send + 'static,
) -> FlowRecord {
    let change = |flow: &mut FlowRecord| {
        change(flow);
        Ok(())
    };
    let changed = store.flows(&account()).change(&name.into(), None, None, change).await;
    changed.expect("changed").fresh().expect("fresh")
}

/// What the server's scheduler makes of a flow that is due.
fn ticks(flow: ScheduledFlow, now: i64) -> TickRun {
    let first = flow.next_due_ms;
    let listed: Vec<i64> = (0..).map(|n| first + n * PERIOD).take_while(|tick| *tick <= now).collect();
    let last_ms = *listed.last().expect("one is due");
    let ticks = DueTicks { first_ms: first, last_ms, count: listed.len() as u64, listed };
    TickRun { flow, ticks, next_due_ms: Some(last_ms + PERIOD) }
}

/// Queues what is due; gives how many runs are new.
pub async fn tick(store: &Store, now: i64) -> usize {
    let due = store.scheduler().due(now, 100).await.expect("listed");
    store.scheduler().enqueue(due.into_iter().map(|flow| ticks(flow, now)).collect()).await.expect("queued")
}

async fn claim(store: &Store, lease_ms: i64) -> ClaimedRun {
    store.queue().claim("worker", lease_ms).await.expect("claimed").expect("a run")
}

async fn end(store: &Store, claimed: &ClaimedRun, ending: Ending, threshold: Option<u32>) -> Option<String> {
    let counts = RunCounts::default();
    let ended = store.queue().finish(&claimed.lease, ending, &counts, threshold).await;
    ended.expect("held").deactivated
}

async fn runs(store: &Store, flow: &str) -> Vec<Run> {
    store.runs(&account()).list(&flow.into(), None, 100).await.expect("listed").items
}

async fn record(store: &Store, flow: &str) -> FlowRecord {
    store.flows(&account()).get(&flow.into()).await.expect("there")
}

pub async fn a_due_tick_is_queued_once(store: &Store) {
    let changed = store.scheduler().changed();
    active(store, "f", 1000).await;
    changed.await;
    active(store, "g", 1050).await;
    create_flow(store, "by hand", &[]).await;
    assert_eq!(store.scheduler().next_due().await.expect("read"), Some(1000));
    assert_eq!(tick(store, 999).await, 0);
    assert_eq!(tick(store, 1000).await, 1);
    assert_eq!(tick(store, 1000).await, 0);
    assert_eq!(store.scheduler().next_due().await.expect("read"), Some(1050));

    // Two schedulers that saw the same: the second one's ticks are gone.
    let seen = store.scheduler().due(1060, 100).await.expect("listed");
    assert_eq!(seen.iter().map(|flow| flow.flow.as_str()).collect::<Vec<_>>(), ["g"]);
    let twice: Vec<TickRun> = seen.into_iter().map(|flow| ticks(flow, 1060)).collect();
    assert_eq!(store.scheduler().enqueue(twice.clone()).await.expect("queued"), 1);
    claim(store, LONG).await;
    claim(store, LONG).await;
    assert_eq!(store.scheduler().enqueue(twice).await.expect("asked"), 0);
    let run = &runs(store, "g").await[0];
    assert_eq!((run.trigger, run.ticks.clone()), (RunTrigger::Scheduled, Some(DueTicks::one(1050))));
    assert_eq!(run.status, RunStatus::Running);
    assert_eq!((runs(store, "f").await.len(), runs(store, "g").await.len()), (1, 1));
}

pub async fn ticks_join_the_run_that_waits_and_none_that_has_begun(store: &Store) {
    active(store, "f", 1000).await;
    // Missed ticks are one run; so are those that come before it begins.
    assert_eq!(tick(store, 1250).await, 1);
    assert_eq!(tick(store, 1300).await, 0);
    let first = claim(store, LONG).await;
    let of_first = DueTicks { first_ms: 1000, last_ms: 1300, count: 4, listed: vec![1000, 1100, 1200, 1300] };
    assert_eq!(first.run.ticks.as_ref(), Some(&of_first));
    // A run that somebody started is no run of the schedule's.
    start(store, "f").await;
    assert_eq!((tick(store, 1400).await, tick(store, 1500).await, tick(store, 1650).await), (1, 0, 0));
    assert!(store.queue().claim("other", LONG).await.expect("asked").is_none(), "runs do not overlap");
    end(store, &first, Ending::Successful, None).await;
    let by_hand = claim(store, LONG).await;
    assert_eq!((by_hand.run.trigger, &by_hand.run.ticks), (RunTrigger::OnDemand, &None));
    end(store, &by_hand, Ending::Successful, None).await;
    let second = claim(store, LONG).await;
    let of_second = DueTicks { first_ms: 1400, last_ms: 1600, count: 3, listed: vec![1400, 1500, 1600] };
    assert_eq!(second.run.ticks.as_ref(), Some(&of_second));
    // A run that was given back has not begun, and takes ticks in again.
    store.queue().release(&second.lease).await.expect("held");
    assert_eq!(tick(store, 1700).await, 0);
    let again = claim(store, LONG).await;
    assert_eq!(again.run.ticks.as_ref().map(|ticks| (ticks.last_ms, ticks.count)), Some((1700, 4)));
    end(store, &again, Ending::Successful, None).await;
    assert_eq!(runs(store, "f").await.len(), 3);
    assert!(store.queue().claim("worker", LONG).await.expect("asked").is_none());

    // One that was given back while another waits is the earlier of two: the later one takes ticks in.
    active(store, "g", 1000).await;
    assert_eq!(tick(store, 1000).await, 1);
    let first = claim(store, LONG).await;
    assert_eq!(tick(store, 1100).await, 1);
    store.queue().release(&first.lease).await.expect("held");
    tick(store, 1200).await;
    let listed: Vec<_> =
        runs(store, "g").await.into_iter().map(|run| run.ticks.expect("ticks").listed).collect();
    assert_eq!(listed, [vec![1100, 1200], vec![1000]]);
}

pub async fn a_tick_that_has_its_run_is_not_run_again(store: &Store) {
    active(store, "f", 1000).await;
    tick(store, 1000).await;
    let claimed = claim(store, LONG).await;
    end(store, &claimed, Ending::Successful, None).await;
    let flow = store.scheduler().due_after(0).await.expect("listed").remove(0);
    assert_eq!(flow.next_due_ms, 1100);
    let back = |tick| Activation { activated_at_ms: 1000, next_due_ms: Some(tick) };
    assert!(store.scheduler().postpone(&flow, back(1000)).await.expect("set back"));
    assert!(!store.scheduler().postpone(&flow, back(900)).await.expect("asked"), "it has moved since");
    assert_eq!(tick(store, 1000).await, 0);
    assert!(store.queue().claim("worker", LONG).await.expect("asked").is_none());
    assert_eq!((tick(store, 1100).await, runs(store, "f").await.len()), (1, 2));
}

pub async fn a_schedule_starts_and_stops_with_its_flow(store: &Store) {
    let flow = active(store, "f", 1000).await;
    let activation = Some(Activation { activated_at_ms: 1000, next_due_ms: Some(1000) });
    assert_eq!((flow.status, flow.state.activation), (FlowStatus::Active, activation));
    let seen = store.scheduler().due(1000, 10).await.expect("listed").remove(0);
    tick(store, 1000).await;

    // A change of something else leaves the ticks as they are by now.
    change(store, "f", |flow| flow.schema_version += 1).await;
    let now = record(store, "f").await.state.activation.expect("active");
    assert_eq!(now, Activation { activated_at_ms: 1000, next_due_ms: Some(1100) });
    // Another trigger begins anew; what was seen before counts for nothing.
    let anew = Activation { activated_at_ms: 1001, next_due_ms: Some(1000) };
    let changed = change(store, "f", move |flow| flow.state.activation = Some(anew)).await;
    assert_eq!(record(store, "f").await.state, changed.state);
    let stale = TickRun { flow: seen.clone(), ticks: DueTicks::one(1005), next_due_ms: None };
    assert_eq!(store.scheduler().enqueue(vec![stale]).await.expect("asked"), 0);
    store.scheduler().fail(&seen, "stale").await.expect("asked");
    assert_eq!(record(store, "f").await.state, changed.state);

    // Whatever is not active is not due, and what is queued stays queued.
    let stop = |flow: &mut FlowRecord| {
        flow.status = FlowStatus::Suspended;
        flow.state.activation = None;
    };
    let stopped = change(store, "f", stop).await;
    assert_eq!(stopped.state.activation, None);
    assert_eq!(store.scheduler().next_due().await.expect("read"), None);
    assert_eq!(claim(store, LONG).await.run.trigger, RunTrigger::Scheduled);
    activate(store, "f", 4000).await;
    let seen = store.scheduler().due(4000, 10).await.expect("listed").remove(0);
    store.scheduler().fail(&seen, "it cannot be read").await.expect("failed");
    let failed = record(store, "f").await;
    assert_eq!((failed.status, failed.state.activation), (FlowStatus::Errored, None));
    assert_eq!(failed.status_message.as_deref(), Some("it cannot be read"));
}

fn cursor(end: i64) -> FlowCursor {
    FlowCursor { window_end_ms: Some(end), ..FlowCursor::default() }
}

async fn publish(store: &Store, claimed: &ClaimedRun, end: i64) {
    let window = PullWindow { start_ms: 0, end_ms: end };
    assert_eq!(store.queue().begin(&claimed.lease, window).await.expect("held"), Signal::Continue);
    let new = cursor(end);
    let (list, counts) = (CommitList::default(), RunCounts::default());
    let new = Some((&new, claimed.cursor_epoch));
    let published = store.queue().publishing(&claimed.lease, &list, &counts, new).await;
    assert_eq!(published.expect("held"), Signal::Continue);
}

pub async fn the_cursor_moves_with_success_only(store: &Store) {
    active(store, "f", 1000).await;
    tick(store, 1000).await;
    let first = claim(store, OVER).await;
    assert_eq!(first.cursor, FlowCursor::default());
    publish(store, &first, 1000).await;
    assert_eq!(record(store, "f").await.state.cursor, FlowCursor::default(), "not before the end");
    // What publishes ends well, or not yet.
    for ending in [Ending::Error("why".to_owned()), Ending::Canceled] {
        let ended = store.queue().finish(&first.lease, ending, &RunCounts::default(), None).await;
        assert!(matches!(ended, Err(StoreError::Stale)));
    }
    // The worker dies; whoever completes the run moves the cursor.
    let second = claim(store, LONG).await;
    assert_eq!(second.run.window, Some(PullWindow { start_ms: 0, end_ms: 1000 }));
    let stale = store.queue().begin(&first.lease, PullWindow { start_ms: 0, end_ms: 1 }).await;
    assert!(matches!(stale, Err(StoreError::Stale)));
    end(store, &second, Ending::Successful, None).await;
    assert_eq!(record(store, "f").await.state.cursor, cursor(1000));

    for ending in [Ending::Error("why".to_owned()), Ending::Canceled] {
        start(store, "f").await;
        let claimed = claim(store, LONG).await;
        assert_eq!(claimed.cursor, cursor(1000));
        end(store, &claimed, ending, None).await;
        assert_eq!(record(store, "f").await.state.cursor, cursor(1000));
    }
    // A run that pulls nothing of its own accord leaves it alone.
    start(store, "f").await;
    let claimed = claim(store, LONG).await;
    let (list, counts) = (CommitList::default(), RunCounts::default());
    store.queue().publishing(&claimed.lease, &list, &counts, None).await.expect("held");
    end(store, &claimed, Ending::Successful, None).await;
    assert_eq!(record(store, "f").await.state.cursor, cursor(1000));
}

pub async fn a_forgotten_cursor_does_not_come_back(store: &Store) {
    active(store, "f", 1000).await;
    start(store, "f").await;
    let claimed = claim(store, LONG).await;
    publish(store, &claimed, 1000).await;
    // The flow's source is changed while its run publishes.
    change(store, "f", |flow| flow.state.forget_cursor()).await;
    end(store, &claimed, Ending::Successful, None).await;
    assert_eq!(record(store, "f").await.state.cursor, FlowCursor::default());

    start(store, "f").await;
    let claimed = claim(store, LONG).await;
    publish(store, &claimed, 2000).await;
    end(store, &claimed, Ending::Successful, None).await;
    assert_eq!(record(store, "f").await.state.cursor, cursor(2000));
}

pub async fn errors_in_a_row_deactivate_the_flow(store: &Store) {
    active(store, "f", 1000).await;
    let error = || Ending::Error("no answer".to_owned());
    let mut now = 1000;
    for (ending, streak) in [(error(), 1), (Ending::Successful, 0), (error(), 1), (Ending::Canceled, 1)] {
        tick(store, now).await;
        now += PERIOD;
        let claimed = claim(store, LONG).await;
        assert_eq!(end(store, &claimed, ending, Some(2)).await, None);
        assert_eq!(record(store, "f").await.state.error_streak, streak);
    }
    // Runs that somebody starts do not count.
    let by_hand: ExecutionId = start(store, "f").await;
    let claimed = claim(store, LONG).await;
    assert_eq!(claimed.run.id, by_hand);
    assert_eq!(end(store, &claimed, error(), Some(2)).await, None);

    tick(store, now).await;
    let claimed = claim(store, LONG).await;
    tick(store, now + PERIOD).await;
    let message = end(store, &claimed, error(), Some(2)).await.expect("deactivated");
    assert!(message.contains("last 2 scheduled runs") && message.contains("no answer"), "{message}");
    let flow = record(store, "f").await;
    assert_eq!((flow.status, flow.status_message), (FlowStatus::Suspended, Some(message)));
    assert_eq!(flow.state.activation, None);
    assert_eq!(runs(store, "f").await[0].status, RunStatus::Canceled, "the one that waited");
    assert!(store.queue().claim("worker", LONG).await.expect("asked").is_none());
    assert_eq!(tick(store, now + 10 * PERIOD).await, 0);

    let flow = activate(store, "f", 9000).await;
    assert_eq!((flow.state.error_streak, flow.status_message), (0, None));
    // Without a threshold it goes on for ever.
    for tick_ms in [9000, 9100, 9200] {
        tick(store, tick_ms).await;
        let claimed = claim(store, LONG).await;
        assert_eq!(end(store, &claimed, error(), None).await, None);
    }
    assert_eq!(record(store, "f").await.state.error_streak, 3);
}

pub async fn a_deactivation_is_about_the_schedule_alone(store: &Store) {
    active(store, "f", 1000).await;
    let error = || Ending::Error("no answer".to_owned());
    tick(store, 1000).await;
    let claimed = claim(store, LONG).await;
    assert_eq!(end(store, &claimed, error(), Some(2)).await, None);
    start(store, "f").await;
    let claimed = claim(store, LONG).await;
    assert_eq!(end(store, &claimed, Ending::Successful, Some(2)).await, None);
    assert_eq!(record(store, "f").await.state.error_streak, 1, "a run by hand ends no streak");

    // The waiting tick goes with the flow; a run by hand and another flow's tick do not.
    active(store, "g", 1200).await;
    tick(store, 1100).await;
    let claimed = claim(store, LONG).await;
    let by_hand = start(store, "f").await;
    tick(store, 1200).await;
    end(store, &claimed, error(), Some(2)).await.expect("deactivated");
    let (one, two) = (claim(store, LONG).await, claim(store, LONG).await);
    assert!(store.queue().claim("worker", LONG).await.expect("asked").is_none());
    assert!([&one, &two].iter().any(|claimed| claimed.run.id == by_hand));
    let other = if one.run.id == by_hand { two } else { one };
    assert_eq!(other.run.flow, "g".into());

    // What somebody has stopped meanwhile keeps their words.
    change(store, "g", |flow| {
        (flow.status, flow.status_message) = (FlowStatus::Suspended, Some("stopped".to_owned()));
        flow.state.activation = None;
    })
    .await;
    assert_eq!(end(store, &other, error(), Some(1)).await, None);
    assert_eq!(record(store, "g").await.status_message.as_deref(), Some("stopped"));
}
