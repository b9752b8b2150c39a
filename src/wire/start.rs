//! The birth of hsmd, out of the process of somebody else: without a child, a signal, a descriptor or
//! an environment variable that the host could notice or hsmd could inherit.
//!
//! Between clone and exec only system calls are made, on memory that was prepared before: another
//! thread of the host may hold any lock, the allocator's too.

use std::{
    ffi::{CString, OsStr, c_char, c_int, c_long},
    fs::{self, File},
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    ptr,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    pipe::PipeFlags,
};
use token::{Error, Reason, Result};

use crate::{Home, system};

/// The descriptor on which hsmd says how its start went.
const READY_FD: RawFd = 3;
/// How long hsmd may take to say it: it reads its databases before, on a machine that may be loaded.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The longest message of the readiness pipe.
const MESSAGE_BYTES: u64 = 64 * 1024;

/// How a start went.
#[derive(Debug, PartialEq, Eq)]
pub enum Birth {
    /// hsmd serves the home.
    Ready,
    /// Somebody else began to serve the home before it.
    AnotherWon,
    /// It ended without a word: it was killed, or has crashed. What helps to find out why.
    Vanished(String),
}

/// Starts the hsmd of `home` and waits until it has said how that went.
pub(crate) fn start(home: &Home) -> Result<Birth> {
    let program = find_program(home)?;
    let runtime = home.runtime().make()?;
    let failed = |error: io::Error| unreachable(format!("{}: {error}", program.display()));
    let arguments = [
        program.as_os_str(),
        OsStr::new("--home"),
        home.path().as_os_str(),
        OsStr::new("--runtime"),
        runtime.as_os_str(),
        OsStr::new("--ready"),
    ];
    let ready = spawn(&program, &arguments).map_err(failed)?;
    let log = runtime.join("hsmd.log");
    let message = read_all(ready).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => unreachable(format!(
            "{} has been starting for {} s; see {}",
            program.display(),
            PATIENCE.as_secs(),
            log.display()
        )),
        _ => failed(error),
    })?;
    match message.split_first() {
        Some((b'R', _)) => Ok(Birth::Ready),
        Some((b'W', _)) => Ok(Birth::AnotherWon),
        Some((b'E', error)) => Err(postcard::from_bytes(error).unwrap_or_else(|_| {
            unreachable(format!("{}: it speaks another version", program.display()))
        })),
        Some((b'X', errno)) => {
            let errno = errno.try_into().map_or(0, i32::from_ne_bytes);
            Err(failed(io::Error::from_raw_os_error(errno)))
        }
        _ => Ok(Birth::Vanished(format!(
            "{} ended before it was ready; see {}",
            program.display(),
            log.display()
        ))),
    }
}

/// hsmd's end of the readiness pipe.
pub struct Readiness(Option<File>);

impl Readiness {
    /// The pipe that this process was started with.
    pub fn inherited() -> Self {
        Self(system::inherited_descriptor(READY_FD).map(File::from))
    }

    /// No pipe: nobody waits.
    pub fn none() -> Self {
        Self(None)
    }

    /// Says that the home is served.
    pub fn ready(&mut self) {
        self.say(b"R");
    }

    /// Says that another process serves the home.
    pub fn another_won(&mut self) {
        self.say(b"W");
    }

    /// Says why the home cannot be served.
    pub fn failed(&mut self, error: &Error) {
        let text = postcard::to_allocvec(error).unwrap_or_default();
        self.say(&[b"E", text.as_slice()].concat());
    }

    fn say(&mut self, message: &[u8]) {
        if let Some(mut pipe) = self.0.take() {
            // Who no longer waits does not want to know.
            let _ = pipe.write_all(message);
        }
    }
}

/// The hsmd that belongs to this code: where the configuration says, beside the file that this code
/// was loaded from, or in `libexec` somewhere above it. Never `PATH`, which a caller may have set.
fn find_program(home: &Home) -> Result<PathBuf> {
    if let Some(told) = &home.configuration().hsmd {
        return is_program(told)
            .then(|| told.clone())
            .ok_or_else(|| unreachable(format!("hsmd = {told:?} is no program that can be run")));
    }
    let own = own_file().ok_or_else(|| {
        unreachable("/proc is not mounted: say in strongroom.toml where hsmd is (hsmd = …)")
    })?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    let libexec = folder.ancestors().take(5).flat_map(|above| {
        [
            above.join("libexec/strongroom/hsmd"),
            above.join("lib/strongroom/hsmd"),
        ]
    });
    let mut places = [folder.join("hsmd")].into_iter().chain(libexec);
    places.find(|place| is_program(place)).ok_or_else(|| {
        unreachable(format!(
            "hsmd is neither beside {} nor in libexec/strongroom; install it there, or say in \
             strongroom.toml where it is (hsmd = …)",
            own.display()
        ))
    })
}

/// The file that this very code was loaded from, be it a module or a program. The kernel's map
/// is asked, not the dynamic linker: that one answers `argv[0]` for a program, which a caller chooses.
fn own_file() -> Option<PathBuf> {
    let address = own_file as *const () as usize;
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (begin, end) = range.split_once('-')?;
        let bound = |text| usize::from_str_radix(text, 16).ok();
        if !(bound(begin)?..bound(end)?).contains(&address) {
            return None;
        }
        let path = rest.get(rest.find('/')?..)?;
        Some(PathBuf::from(path.trim_end_matches(" (deleted)")))
    })
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| {
        let (mode, everybody_writes) = (found.mode(), 0o002);
        found.is_file() && mode & 0o111 != 0 && mode & everybody_writes == 0
    })
}

fn unreachable(text: impl Into<String>) -> Error {
    Error::new(Reason::Unreachable, text)
}

/// Everything that the children need, prepared while memory may still be allocated.
struct Prepared {
    program: CString,
    arguments: Vec<CString>,
    null: OwnedFd,
    ready: OwnedFd,
    user: u32,
    group: u32,
}

/// Starts the program as a process of its own and answers the reading end of its readiness pipe.
fn spawn(program: &Path, arguments: &[&OsStr]) -> io::Result<OwnedFd> {
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::other);
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // Above those that the child gives new numbers, whatever the host has closed.
    let high = |descriptor: OwnedFd| rustix::io::fcntl_dupfd_cloexec(descriptor, READY_FD + 1);
    let null = rustix::fs::open(
        "/dev/null",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let prepared = Prepared {
        program: text(program.as_os_str())?,
        arguments: arguments
            .iter()
            .map(|argument| text(argument))
            .collect::<io::Result<_>>()?,
        null: high(null)?,
        ready: high(write)?,
        user: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
    };
    let pointers = prepared.arguments.iter().map(|argument| argument.as_ptr());
    let argv: Vec<*const c_char> = pointers.chain([ptr::null()]).collect();
    let child = with_signals_blocked(|| {
        let child = clone()?;
        if child == 0 {
            intermediate(&prepared, &argv);
        }
        Ok(child)
    })?;
    wait(child);
    Ok(read)
}

/// A child whose end sends no signal, so that the host's SIGCHLD handler and its `wait` never see it.
/// (`fork` would also run the host's fork handlers.)
fn clone() -> io::Result<c_int> {
    const NO_SIGNAL_AND_NO_FLAGS: c_long = 0;
    const NOTHING: c_long = 0;
    // SAFETY: with these arguments `clone` is `fork`: the child has a copy of everything. It makes
    // only system calls on prepared memory and then ends or executes.
    let child = unsafe {
        libc::syscall(
            libc::SYS_clone,
            NO_SIGNAL_AND_NO_FLAGS,
            NOTHING,
            NOTHING,
            NOTHING,
            NOTHING,
        )
    };
    match c_int::try_from(child) {
        Ok(child) if child >= 0 => Ok(child),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs `body` while no signal can be delivered to this thread, so that no handler of the host
/// runs in a child.
fn with_signals_blocked<T>(body: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    // SAFETY: an all-zero signal set is a legal value of the type.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: writes the set it is given.
    unsafe { libc::sigfillset(&mut all) };
    // SAFETY: reads one set and writes the other; changes this thread's mask only.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) };
    let result = body();
    // SAFETY: gives this thread the mask it had.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
    result
}

/// Waits for the intermediate child, which ends at once. `__WALL` finds it although its end sends no
/// signal.
fn wait(child: c_int) {
    loop {
        let mut status = 0;
        // SAFETY: writes the status it is given.
        let waited = unsafe { libc::waitpid(child, &mut status, libc::__WALL) };
        if waited >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// In the child: its only task is to be the parent of hsmd and to end, so that nobody is.
fn intermediate(prepared: &Prepared, argv: &[*const c_char]) -> ! {
    // SAFETY: a new session: no terminal sends hsmd signals.
    unsafe { libc::setsid() };
    match clone() {
        Ok(0) => become_hsmd(prepared, argv),
        Ok(_) => {}
        Err(error) => report(prepared, &error),
    }
    // SAFETY: ends the child without running anything of the host's.
    unsafe { libc::_exit(0) }
}

/// In the grandchild: leave everything of the host behind and become hsmd.
fn become_hsmd(prepared: &Prepared, argv: &[*const c_char]) -> ! {
    forget_signals();
    for descriptor in 0..3 {
        // SAFETY: gives a standard descriptor the meaning of /dev/null.
        unsafe { libc::dup2(prepared.null.as_raw_fd(), descriptor) };
    }
    // SAFETY: gives the readiness pipe its number, without close-on-exec.
    unsafe { libc::dup2(prepared.ready.as_raw_fd(), READY_FD) };
    close_from(READY_FD + 1);
    // SAFETY: the path is a literal that ends in a zero.
    unsafe { libc::chdir(c"/".as_ptr()) };
    let (user, group) = (prepared.user, prepared.group);
    // The raw calls change this one thread; the wrappers of the C library would look for others.
    // SAFETY: a host that is set-user-id gives hsmd the one user that it acts as.
    unsafe { libc::syscall(libc::SYS_setresgid, group, group, group) };
    // SAFETY: the same.
    unsafe { libc::syscall(libc::SYS_setresuid, user, user, user) };
    let no_environment: [*const c_char; 1] = [ptr::null()];
    // SAFETY: all strings end in a zero and both arrays in a null pointer.
    unsafe {
        libc::execve(
            prepared.program.as_ptr(),
            argv.as_ptr(),
            no_environment.as_ptr(),
        )
    };
    report_on(READY_FD, &io::Error::last_os_error());
    // SAFETY: ends the child without running anything of the host's.
    unsafe { libc::_exit(1) }
}

/// Default dispositions and an empty mask, as a program expects them.
fn forget_signals() {
    // The kernel's `struct sigaction` in zeros: the default action, no flags, an empty mask. The C
    // library would refuse the two signals that it keeps for itself, and a host may ignore those.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_BYTES: usize = 8;
    let nothing: *const u64 = ptr::null();
    for signal in 1..=64 {
        let default = DEFAULT.as_ptr();
        // SAFETY: reads the structure; signals that have no disposition are refused.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default, nothing, MASK_BYTES) };
    }
    // SAFETY: an all-zero signal set is a legal value of the type.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: writes the set it is given.
    unsafe { libc::sigemptyset(&mut none) };
    // SAFETY: reads the set; this process has one thread.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut()) };
}

/// Closes every descriptor from `first` on.
fn close_from(first: RawFd) {
    // SAFETY: whatever the host had open means nothing to hsmd.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, c_int::MAX, 0) };
    if closed == 0 {
        return;
    }
    // Linux before 5.9.
    for descriptor in first..65_536 {
        // SAFETY: the same, one by one.
        unsafe { libc::close(descriptor) };
    }
}

fn report(prepared: &Prepared, error: &io::Error) {
    report_on(prepared.ready.as_raw_fd(), error);
}

/// Writes `X` and the error's number into the readiness pipe.
fn report_on(descriptor: RawFd, error: &io::Error) {
    let [a, b, c, d] = error.raw_os_error().unwrap_or(0).to_ne_bytes();
    let message = [b'X', a, b, c, d];
    // SAFETY: writes five bytes that are there.
    unsafe { libc::write(descriptor, message.as_ptr().cast(), message.len()) };
}

/// Everything that comes through the pipe until its other end is closed.
fn read_all(pipe: OwnedFd) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let mut pipe = File::from(pipe);
    let mut message = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut waiting = [PollFd::new(&pipe, PollFlags::IN)];
        match rustix::event::poll(&mut waiting, Some(&left)) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => {}
        }
        let mut part = [0; 4096];
        let count = match pipe.read(&mut part) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        message.extend_from_slice(part.get(..count).unwrap_or_default());
        if count == 0 || message.len() as u64 > MESSAGE_BYTES {
            return Ok(message);
        }
    }
}

#[cfg(test)]
mod tests;
