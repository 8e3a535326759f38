//! A site's share of the machine, where the host serves several sites.
//!
//! A site that has used more than its share lately has its work done by background threads, which
//! the system runs only when no other thread wants to run. So a busy site takes from its
//! neighbours, and from the host, only what they leave over. In the background, sites take turns,
//! however many guests and sockets each has.

mod background;
mod used;

use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::future::Either;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::PollSemaphore;
use tokio_util::task::AbortOnDropHandle;

use super::ledger::Part;
use crate::capability::filesystem::Threads;
use crate::clock;
use used::Used;

pub(crate) use background::Background;
pub use background::step_back;

thread_local! {
    /// Whether what this thread runs at the moment is charged to a site.
    static CHARGED: Cell<bool> = const { Cell::new(false) };
}

/// What one site may use, and what it has used.
pub struct Share {
    background: Arc<Background>,
    /// Where guests' tasks are spawned.
    front: Handle,
    /// In the background, the site may run as many guests at the same time as there are cores.
    permits: Arc<Semaphore>,
    used: Arc<Mutex<Used>>,
    /// The site's part of the engine's pool.
    pool: Arc<Part>,
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("used", &*self.used.lock()).finish_non_exhaustive()
    }
}

impl Share {
    /// Makes a share. `share` is of all cores, and `pool_share` of the engine's pool, both from 0
    /// to 1. Guests' tasks are spawned on `front`.
    pub fn new(
        background: Arc<Background>,
        front: Handle,
        share: f64,
        pool_share: f64,
    ) -> Arc<Self> {
        let cores = background.width;
        let permits = Arc::new(Semaphore::new(cores));
        let used = Arc::new(Mutex::new(Used::new(share, cores)));
        Arc::new(Self { background, front, permits, used, pool: Part::new(pool_share) })
    }

    /// Does a site's work within its share. A site without neighbours has none, so its work is not
    /// measured.
    pub fn charge<W>(
        share: Option<&Arc<Self>>,
        work: W,
    ) -> Either<W, impl Future<Output = W::Output> + Send + use<W>>
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        match share {
            None => Either::Left(work),
            Some(share) => Either::Right(share.clone().run(work)),
        }
    }

    /// Does a site's work within its share, in a task of its own on `threads`. Where there is a
    /// share, the task reserves no room for the work.
    pub fn spawn<W>(share: Option<&Arc<Self>>, threads: &Handle, work: W) -> JoinHandle<W::Output>
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        match Self::charge(share, work) {
            Either::Left(work) => threads.spawn(work),
            Either::Right(work) => threads.spawn(work),
        }
    }

    /// Does a site's work, which is a guest's or the host's work for it. It runs here while the
    /// site is within its share, and in the background otherwise.
    pub fn run<W>(self: Arc<Self>, work: W) -> impl Future<Output = W::Output> + Send
    where
        W: Future + Send + 'static,
        W::Output: Send + 'static,
    {
        // Boxed at once, so that the waiting task reserves no room for the work.
        self.run_boxed(Box::pin(work))
    }

    async fn run_boxed<T: Send + 'static>(self: Arc<Self>, mut work: Work<T>) -> T {
        // Work inside of other work is charged with that.
        if CHARGED.get() {
            return work.await;
        }
        loop {
            if !self.is_over()
                && let Some(output) = self.run_here(&mut work).await
            {
                return output;
            }
            match self.run_in_background(work).await {
                Ok(output) => return output,
                Err(modest) => work = modest,
            }
        }
    }

    /// Runs the work here. Returns nothing if it has to go on in the background.
    async fn run_here<T>(&self, work: &mut Work<T>) -> Option<T> {
        std::future::poll_fn(|cx| match self.poll(work, cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.is_over() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Runs the work in the background. Returns it when the site is within its share again.
    async fn run_in_background<T: Send + 'static>(
        self: &Arc<Self>,
        work: Work<T>,
    ) -> Result<T, Work<T>> {
        let share = self.clone();
        let permits = PollSemaphore::new(self.permits.clone());
        let task = self.background.handle.spawn(WithPermit { work: Some(work), permits, share });
        match AbortOnDropHandle::new(task).await {
            Ok(run) => run,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The process is ending, so nobody waits for this.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// The site's part of the engine's pool.
    pub(super) fn pool(&self) -> &Arc<Part> {
        &self.pool
    }

    /// Whether the site has used more than its share.
    pub fn is_over(&self) -> bool {
        self.used.lock().is_over(Instant::now())
    }

    /// Polls the work, and charges the site for it.
    fn poll<T>(&self, work: &mut Work<T>, cx: &mut Context<'_>) -> Poll<T> {
        CHARGED.set(true);
        let _charged = Charged;
        let began = clock::thread_cpu_time();
        let polled = work.as_mut().poll(cx);
        let took = clock::thread_cpu_time().saturating_sub(began);
        self.used.lock().charge(took, Instant::now());
        polled
    }
}

impl Share {
    /// Does the host's own work for the site on a thread that may block, and charges the site for
    /// it. It never runs in the background: a site that loads would wait for as long as other
    /// programs use the machine.
    pub fn spawn_charged(&self, work: impl FnOnce() + Send + 'static) {
        self.spawn_on(&self.front, work);
    }

    fn spawn_on(&self, threads: &Handle, work: impl FnOnce() + Send + 'static) {
        let used = self.used.clone();
        let work = move || {
            let began = clock::thread_cpu_time();
            work();
            used.lock().charge(clock::thread_cpu_time().saturating_sub(began), Instant::now());
        };
        drop(threads.spawn_blocking(work));
    }
}

impl Threads for Share {
    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        let threads = if self.is_over() { &self.background.handle } else { &self.front };
        self.spawn_on(threads, work);
    }
}

/// Marks charged work until this is dropped, also by a panic.
struct Charged;

impl Drop for Charged {
    fn drop(&mut self) {
        CHARGED.set(false);
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work that waits for a permit of its site each time before it goes on.
struct WithPermit<T> {
    /// None after it has been given back.
    work: Option<Work<T>>,
    permits: PollSemaphore,
    share: Arc<Share>,
}

impl<T> Future for WithPermit<T> {
    type Output = Result<T, Work<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.share.is_over()
            && let Some(work) = this.work.take()
        {
            return Poll::Ready(Err(work));
        }
        // The semaphore is never closed.
        let _permit = ready!(this.permits.poll_acquire(cx));
        let Some(work) = &mut this.work else { return Poll::Pending };
        let _front = this.share.front.enter();
        this.share.poll(work, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::used::BURST;
    use super::*;

    fn share(of: f64) -> Arc<Share> {
        let background = Background::start().expect("threads can be started");
        Share::new(background, Handle::current(), of, 1.0)
    }

    fn is_in_background() -> bool {
        thread::current().name() == Some("background")
    }

    fn be_busy(time: Duration) {
        let began = clock::thread_cpu_time();
        while clock::thread_cpu_time() - began <= time {
            std::hint::spin_loop();
        }
    }

    /// Uses more than the burst.
    async fn burn() {
        let cores = thread::available_parallelism().expect("there are some").get() as u32;
        be_busy(BURST * cores);
        tokio::task::yield_now().await;
    }

    const PIECE: Duration = Duration::from_millis(2);

    fn be_over(share: &Share, by: Duration) {
        share.used.lock().be_over(by);
    }

    #[tokio::test]
    async fn a_modest_site_runs_where_it_is_called() {
        let share = share(1.0);
        let ran = share.run(async {
            for _ in 0..3 {
                be_busy(PIECE / 2);
                tokio::time::sleep(PIECE).await;
            }
            is_in_background()
        });
        assert!(!ran.await);
    }

    #[tokio::test]
    async fn a_call_goes_on_in_the_background_when_its_site_is_over_its_share() {
        let share = share(0.001);
        let ran = share.clone().run(async {
            let began = is_in_background();
            burn().await;
            (began, is_in_background())
        });
        assert_eq!(ran.await, (false, true));
        assert!(share.run(async { is_in_background() }).await, "the next one begins there");
    }

    #[tokio::test]
    async fn a_site_comes_back_when_it_was_quiet_for_long_enough() {
        let share = share(0.5);
        // More than drains before the call begins.
        be_over(&share, Duration::from_secs(1));
        let own = share.clone();
        let ran = share.clone().run(async move {
            let began = is_in_background();
            while own.is_over() {
                tokio::time::sleep(BURST).await;
            }
            tokio::task::yield_now().await;
            (began, is_in_background())
        });
        assert_eq!(ran.await, (true, false));
        assert!(!share.is_over());
    }

    #[tokio::test]
    async fn what_a_guest_spawns_in_the_background_runs_in_front() {
        let share = share(0.001);
        be_over(&share, Duration::ZERO);
        let ran = share.run(async {
            assert!(is_in_background());
            tokio::time::sleep(Duration::from_millis(1)).await;
            tokio::spawn(async { is_in_background() }).await.expect("it runs")
        });
        assert!(!ran.await);
    }

    #[tokio::test]
    async fn what_runs_inside_of_a_call_is_charged_once() {
        let share = share(0.000_001);
        let inner = share.clone();
        let began = Instant::now();
        share.clone().run(async move { inner.run(async { be_busy(PIECE / 2) }).await }).await;
        let (used, took) = (share.used.lock().time, began.elapsed());
        assert!(used >= PIECE / 3 && used <= took, "{used:?} of {took:?}");
    }

    #[tokio::test]
    async fn a_call_whose_caller_goes_away_is_dropped() {
        struct Dropped(tokio::sync::mpsc::UnboundedSender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let share = share(0.001);
        be_over(&share, Duration::ZERO);
        let (began, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
        let (gone, mut is_gone) = tokio::sync::mpsc::unbounded_channel();
        let dropped = Dropped(gone);
        let call = async move {
            let _dropped = dropped;
            let _ = began.send(is_in_background());
            std::future::pending::<()>().await;
        };
        let caller = tokio::spawn(async move { share.run(call).await });
        assert_eq!(has_begun.recv().await, Some(true));
        caller.abort();
        is_gone.recv().await.expect("it is dropped");
    }

    #[tokio::test]
    #[should_panic(expected = "the guest's own")]
    async fn a_panic_comes_back() {
        let share = share(0.001);
        be_over(&share, Duration::ZERO);
        share.run(async { panic!("the guest's own") }).await;
    }

    #[tokio::test]
    async fn a_site_has_no_more_turns_at_once_than_there_are_cores() {
        let share = share(0.001);
        be_over(&share, Duration::ZERO);
        let cores = thread::available_parallelism().expect("there are some").get();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let calls = (0..cores * 4).map(|_| {
            let (share, now, most) = (share.clone(), now.clone(), most.clone());
            let call = async move {
                for _ in 0..5 {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    be_busy(PIECE);
                    now.fetch_sub(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            };
            tokio::spawn(async move { share.run(call).await })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.expect("it ends");
        }
        let most = most.load(Ordering::SeqCst);
        assert!((1..=cores).contains(&most), "{most}");
    }
}
