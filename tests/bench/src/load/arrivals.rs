//! A clock that ticks at fixed times to the microsecond. The runtime's own timers round to a
//! millisecond, which is more than everything that an open-loop run wants to see.
//!
//! Not here: what is done at a tick.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

/// A periodic kernel timer.
pub struct Arrivals {
    timer: AsyncFd<OwnedFd>,
    start: Instant,
    period: Duration,
}

impl Arrivals {
    /// Ticks every `period`, first after one.
    ///
    /// # Errors
    /// When the kernel gives no timer.
    #[expect(
        deprecated,
        reason = "its successor is unsafe, for types that may swap their descriptor; an OwnedFd does not"
    )]
    pub fn every(period: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let every = Timespec::try_from(period).map_err(io::Error::other)?;
        let spec = Itimerspec { it_interval: every, it_value: every };
        let start = Instant::now();
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec)?;
        Ok(Self { timer: AsyncFd::with_interest(timer, Interest::READABLE)?, start, period })
    }

    /// When the clock was started.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Waits for a tick; how many have passed since the last look.
    ///
    /// # Errors
    /// When the timer cannot be read.
    pub async fn passed(&self) -> io::Result<u64> {
        let mut ticks = [0; size_of::<u64>()];
        self.timer.async_io(Interest::READABLE, |fd| rustix::io::read(fd, &mut ticks).map_err(io::Error::from)).await?;
        Ok(u64::from_ne_bytes(ticks))
    }
}
