//! Slows down who guesses passwords.
//!
//! Failures are counted for a name from one address, and for a name from
//! anywhere. After a few, every further one locks for twice as long as the one
//! before; a success clears the count. At most as many attempts are under way
//! at once as could still fail before a lock, and the others wait for their
//! turn: so many at once get no further than many one after the other, and a
//! right password is not refused because others were given at the same time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ring::digest;
use tokio::sync::Notify;

/// Counts that are kept at once. Beyond, a tenth goes: those with the fewest failures.
const COUNTS: usize = 10_000;

/// How long after its last failure, or the end of its lock, a count is forgotten.
const MEMORY: Duration = Duration::from_secs(3600);

/// The length of the first lock.
const FIRST_LOCK: Duration = Duration::from_secs(5);

/// When to lock, and for how long at most.
#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    longest: Duration,
}

/// A name from one address: nobody mistypes that often.
const FROM_ONE: Rule = Rule { free: 5, longest: Duration::from_secs(900) };

/// A name from anywhere. The lock is short, because it also keeps out the one
/// whose name it is.
const FROM_ANYWHERE: Rule = Rule { free: 25, longest: Duration::from_secs(60) };

/// What a count is kept under: a digest, so that a long name takes no more room.
type Key = [u8; 16];

/// Attempts that wait for their turn, for a name from one address.
const WAITING: u32 = 32;

/// How long an attempt waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

struct Count {
    failures: u32,
    last: Instant,
    locked_until: Option<Instant>,
    /// Attempts that are under way.
    undecided: u32,
    /// Attempts that wait for their turn.
    waiting: u32,
}

impl Count {
    const fn new(now: Instant) -> Self {
        Self { failures: 0, last: now, locked_until: None, undecided: 0, waiting: 0 }
    }

    const fn in_use(&self) -> bool {
        self.undecided > 0 || self.waiting > 0
    }

    fn forgotten(&self, now: Instant) -> bool {
        let since = self.locked_until.unwrap_or(self.last).max(self.last);
        !self.in_use() && now.saturating_duration_since(since) >= MEMORY
    }

    /// Whether one more may be under way: as many as are free, and after a lock one.
    fn has_turn(&self, rule: Rule) -> bool {
        self.undecided < rule.free.saturating_sub(self.failures).max(1)
    }
}

/// The counts of failures.
#[derive(Default)]
pub struct Limiter {
    counts: Mutex<HashMap<Key, Count>>,
    decided: Notify,
}

/// What becomes of somebody who wants to try.
enum Admission<'l> {
    Now(Attempt<'l>),
    Later,
}

/// An attempt that is under way. One that is dropped undecided, because it was
/// not carried out, does not count.
pub struct Attempt<'l> {
    limiter: &'l Limiter,
    keys: [Key; 2],
}

impl Limiter {
    /// Admits an attempt, at once or when it is its turn.
    ///
    /// # Errors
    /// How long to wait, when too many have failed or wait; the attempt does not count.
    pub async fn attempt(&self, name: &str, peer: IpAddr) -> Result<Attempt<'_>, Duration> {
        let keys = keys(name, peer);
        let turn = async {
            let mut place = None;
            loop {
                let decided = self.decided.notified();
                tokio::pin!(decided);
                // From here on nothing that is decided is missed.
                decided.as_mut().enable();
                match self.admit(keys, Instant::now())? {
                    Admission::Now(attempt) => return Ok(attempt),
                    Admission::Later if place.is_none() => place = Some(Waiting::new(self, keys[0])?),
                    Admission::Later => {}
                }
                decided.await;
            }
        };
        tokio::time::timeout(PATIENCE, turn).await.unwrap_or(Err(FIRST_LOCK))
    }

    fn admit(&self, keys: [Key; 2], now: Instant) -> Result<Admission<'_>, Duration> {
        let mut counts = self.counts.lock();
        let locked = keys.iter().filter_map(|key| counts.get(key)?.locked_until).max();
        if let Some(wait) = locked.map(|until| until.saturating_duration_since(now))
            && !wait.is_zero()
        {
            return Err(wait);
        }
        for key in keys {
            if counts.get(&key).is_some_and(|count| count.forgotten(now)) {
                counts.remove(&key);
            }
        }
        let mut rules = keys.iter().zip([FROM_ONE, FROM_ANYWHERE]);
        if !rules.all(|(key, rule)| counts.get(key).is_none_or(|count| count.has_turn(rule))) {
            return Ok(Admission::Later);
        }
        for key in keys {
            if !counts.contains_key(&key) {
                make_room(&mut counts, now);
            }
            counts.entry(key).or_insert_with(|| Count::new(now)).undecided += 1;
        }
        Ok(Admission::Now(Attempt { limiter: self, keys }))
    }

    /// Changes what is counted under a key, and forgets what says nothing any more.
    fn change(&self, key: Key, change: impl FnOnce(&mut Count)) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&key) {
            change(count);
            if count.failures == 0 && !count.in_use() {
                counts.remove(&key);
            }
        }
    }
}

impl Attempt<'_> {
    /// The password was wrong.
    pub fn failed(self, now: Instant) {
        for (key, rule) in self.keys.into_iter().zip([FROM_ONE, FROM_ANYWHERE]) {
            self.limiter.change(key, |count| {
                count.failures = count.failures.saturating_add(1);
                count.last = now;
                count.locked_until = count.failures.checked_sub(rule.free).map(|beyond| {
                    let lock = FIRST_LOCK.saturating_mul(2u32.saturating_pow(beyond));
                    now + lock.min(rule.longest)
                });
            });
        }
    }

    /// The password was right: the one who may has come.
    pub fn succeeded(self) {
        for key in self.keys {
            self.limiter.change(key, |count| {
                count.failures = 0;
                count.locked_until = None;
            });
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        for key in self.keys {
            self.limiter.change(key, |count| count.undecided = count.undecided.saturating_sub(1));
        }
        self.limiter.decided.notify_waiters();
    }
}

/// A place among those who wait.
struct Waiting<'l> {
    limiter: &'l Limiter,
    key: Key,
}

impl<'l> Waiting<'l> {
    fn new(limiter: &'l Limiter, key: Key) -> Result<Self, Duration> {
        let mut counts = limiter.counts.lock();
        let count = counts.entry(key).or_insert_with(|| Count::new(Instant::now()));
        if count.waiting >= WAITING {
            return Err(FIRST_LOCK);
        }
        count.waiting += 1;
        Ok(Self { limiter, key })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.limiter.change(self.key, |count| count.waiting = count.waiting.saturating_sub(1));
    }
}

fn keys(name: &str, peer: IpAddr) -> [Key; 2] {
    let of = |text: String| {
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let mut key = Key::default();
        key.copy_from_slice(&digest.as_ref()[..16]);
        key
    };
    // One machine has a whole /64 of IPv6 addresses to come from.
    let from = match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:?}", &address.segments()[..4]),
    };
    [of(format!("{from}\n{name}")), of(format!("\n{name}"))]
}

fn make_room(counts: &mut HashMap<Key, Count>, now: Instant) {
    if counts.len() < COUNTS {
        return;
    }
    counts.retain(|_, count| !count.forgotten(now));
    if counts.len() < COUNTS {
        return;
    }
    // Guessing under ever new names pushes out its own counts before others'.
    let mut order: Vec<_> = counts
        .iter()
        .filter(|(_, count)| !count.in_use())
        .map(|(key, count)| (count.failures, count.last, *key))
        .collect();
    order.sort_unstable();
    for (_, _, key) in order.into_iter().take(COUNTS / 10) {
        counts.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn peer(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    /// An attempt that is admitted at once.
    fn now<'l>(
        limiter: &'l Limiter,
        name: &str,
        peer: IpAddr,
        now: Instant,
    ) -> Result<Attempt<'l>, Duration> {
        match limiter.admit(keys(name, peer), now)? {
            Admission::Now(attempt) => Ok(attempt),
            Admission::Later => panic!("it is not its turn"),
        }
    }

    fn fail(limiter: &Limiter, name: &str, peer: IpAddr, at: Instant) -> Result<(), Duration> {
        now(limiter, name, peer, at).map(|attempt| attempt.failed(at))
    }

    #[test]
    fn locks_grow_and_end_and_a_success_clears() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..5 {
            fail(&limiter, "ada", peer(1), start).expect("free");
        }
        assert_eq!(fail(&limiter, "ada", peer(1), at(1)), Err(Duration::from_secs(4)));
        assert_eq!(
            fail(&limiter, "ada", peer(1), at(4)),
            Err(Duration::from_secs(1)),
            "a refusal adds nothing"
        );
        fail(&limiter, "ada", peer(2), at(1)).expect("another address");
        fail(&limiter, "bob", peer(1), at(1)).expect("another name");
        fail(&limiter, "ada", peer(1), at(5)).expect("the lock is over");
        assert_eq!(fail(&limiter, "ada", peer(1), at(5)), Err(Duration::from_secs(10)));
        fail(&limiter, "ada", peer(1), at(15)).expect("the lock is over");
        assert_eq!(fail(&limiter, "ada", peer(1), at(15)), Err(Duration::from_secs(20)));
        fail(&limiter, "ada", peer(1), at(35)).expect("the lock is over");
        assert!(now(&limiter, "ada", peer(1), at(36)).is_err());
        now(&limiter, "ada", peer(1), at(75)).expect("admitted").succeeded();
        for _ in 0..5 {
            fail(&limiter, "ada", peer(1), at(76)).expect("free again");
        }
        assert!(fail(&limiter, "ada", peer(1), at(76)).is_err());
    }

    #[test]
    fn a_lock_has_a_longest_length_and_a_count_is_forgotten() {
        let (limiter, mut now) = (Limiter::default(), Instant::now());
        let mut longest = Duration::ZERO;
        for _ in 0..40 {
            while let Err(wait) = fail(&limiter, "ada", peer(1), now) {
                longest = longest.max(wait);
                now += wait;
            }
        }
        assert_eq!(longest, Duration::from_secs(900));
        now += Duration::from_secs(900) + MEMORY;
        for _ in 0..5 {
            fail(&limiter, "ada", peer(1), now).expect("forgotten");
        }
    }

    #[test]
    fn many_addresses_share_the_count_of_a_name() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        let admitted = (0..200).filter(|n| fail(&limiter, "ada", peer(*n), now).is_ok()).count();
        assert_eq!(admitted, 25);
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let admitted = (0..200).filter(|n| fail(&limiter, "bob", v6(*n), now).is_ok()).count();
        assert_eq!(admitted, 5, "one network of IPv6 is one address");
    }

    #[test]
    fn ever_new_names_take_bounded_room_and_push_out_no_guessed_one() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for _ in 0..5 {
            fail(&limiter, "ada", peer(1), now).expect("free");
        }
        for number in 0..COUNTS {
            fail(&limiter, &format!("name {number}"), peer(1), now).expect("free");
        }
        assert!(limiter.counts.lock().len() <= COUNTS);
        assert!(fail(&limiter, "ada", peer(1), now).is_err(), "still locked");
    }

    #[test]
    fn no_more_are_under_way_than_could_fail() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let mut under_way: Vec<_> =
            (0..5).map(|_| now(&limiter, "ada", peer(1), start).expect("a turn")).collect();
        let later = |at| matches!(limiter.admit(keys("ada", peer(1)), at), Ok(Admission::Later));
        assert!(later(start), "it waits, and is not refused");
        drop(under_way.pop());
        under_way
            .push(now(&limiter, "ada", peer(1), start).expect("what was not carried out does not count"));
        for attempt in under_way {
            attempt.failed(start);
        }
        let after = start + FIRST_LOCK;
        let first = now(&limiter, "ada", peer(1), after).expect("the lock is over");
        assert!(later(after), "one at a time after a lock");
        first.succeeded();
        now(&limiter, "ada", peer(1), after).expect("free again").succeeded();
        assert!(limiter.counts.lock().is_empty(), "nothing is left of it");
    }

    #[tokio::test]
    async fn only_so_many_wait_for_their_turn() {
        let (limiter, start) = (Limiter::default(), Instant::now());
        let _under_way: Vec<_> =
            (0..5).map(|_| now(&limiter, "ada", peer(1), start).expect("a turn")).collect();
        async fn at_once<T>(turn: impl Future<Output = T>) -> Option<T> {
            tokio::time::timeout(Duration::ZERO, turn).await.ok()
        }
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(limiter.attempt("ada", peer(1)))).collect();
        for attempt in &mut waiting {
            assert!(at_once(attempt.as_mut()).await.is_none(), "it waits");
        }
        let more = at_once(limiter.attempt("ada", peer(1))).await.expect("at once");
        assert_eq!(more.err(), Some(FIRST_LOCK));
        drop(waiting.pop());
        assert!(at_once(limiter.attempt("ada", peer(1))).await.is_none(), "a place was given up");
    }

    #[tokio::test]
    async fn right_passwords_at_once_are_all_admitted_and_guesses_are_not() {
        let limiter = Limiter::default();
        let work = async |right: bool| {
            let attempt = limiter.attempt("ada", peer(1)).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            if right {
                attempt.succeeded()
            } else {
                attempt.failed(Instant::now())
            }
            Ok::<_, Duration>(())
        };
        let all = |right, many| futures::future::join_all((0..many).map(move |_| right).map(&work));
        assert!(all(true, 30).await.iter().all(Result::is_ok));
        assert_eq!(all(false, 30).await.iter().filter(|it| it.is_ok()).count(), 5);
        let limiter = &limiter;
        let waiting = limiter.attempt("bob", peer(1));
        let first: Vec<_> =
            (0..5).map(|_| now(limiter, "bob", peer(1), Instant::now()).expect("a turn")).collect();
        let (waited, ()) = tokio::join!(waiting, async { drop(first) });
        assert!(waited.is_ok());
    }
}
