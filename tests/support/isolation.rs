//! A process and a home for each test: a module is one for a whole process, a crash of it must
//! fail one test, and a hang must end.

use std::{
    env,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const INSIDE: &str = "STRONGROOM_TEST_INSIDE";
const ROLE: &str = "STRONGROOM_TEST_ROLE";
/// The one mode to test.
const ONLY: &str = "STRONGROOM_TEST_ONLY";

/// How long a test may take; a machine that looks at every instruction has more. Within it, what a test waits
/// for has less: so it is that which is ended, and named.
fn patience() -> Duration {
    let seconds = env::var("STRONGROOM_TEST_SECONDS");
    let whole = seconds.map_or(300, |number| number.parse().expect("a number"));
    let less = if env::var_os(INSIDE).is_some() { 60 } else { 0 };
    Duration::from_secs(u64::saturating_sub(whole, less))
}

/// Runs the test that calls it once in a home that hsmd serves and once in an embedded one.
pub fn everywhere(body: impl Fn()) {
    isolated("served", &body);
    isolated("embedded", &body);
}

/// Runs the test that calls it in a home that hsmd serves.
pub fn served(body: impl Fn()) {
    isolated("served", &body);
}

/// Runs the test that calls it in an embedded home.
pub fn embedded(body: impl Fn()) {
    isolated("embedded", &body);
}

/// What part this process plays, if it is an [`Other`].
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// The home of the test.
pub fn home() -> PathBuf {
    env::var_os("STRONGROOM_HOME")
        .expect("inside of a test")
        .into()
}

/// What the module has logged.
pub fn log() -> String {
    fs::read_to_string(log_in(home().parent().expect("a home in a folder"))).unwrap_or_default()
}

/// Another process that runs the same test in the same home, with a part of its own.
pub struct Other(Child);

impl Other {
    /// Starts it.
    pub fn start(role: &str) -> Self {
        Self(
            again()
                .env(ROLE, role)
                .spawn()
                .expect("the test can be run"),
        )
    }

    /// Runs it as a host that says nothing about a log does, and answers what it wrote to its
    /// standard error.
    pub fn errors(role: &str) -> String {
        let output = again()
            .env(ROLE, role)
            .env_remove("STRONGROOM_LOG")
            .stderr(Stdio::piped())
            .output()
            .expect("the test can be run");
        assert!(output.status.success(), "the other process: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Waits until it ends, and fails if it failed.
    pub fn join(mut self) {
        let status = wait(&mut self.0);
        assert!(status.success(), "the other process: {status}");
    }
}

fn isolated(mode: &str, body: &dyn Fn()) {
    match env::var(INSIDE) {
        Ok(inside) if inside == mode => return body(),
        Ok(_) => return,
        Err(_) if env::var(ONLY).is_ok_and(|only| only != mode) => return,
        Err(_) => {}
    }
    let folder = Folder::new(mode);
    let output = folder.path().join("output");
    let file = || {
        Stdio::from(
            File::options()
                .append(true)
                .create(true)
                .open(&output)
                .unwrap(),
        )
    };
    let mut child = again()
        .env(INSIDE, mode)
        .env("STRONGROOM_HOME", folder.path().join("home"))
        .env(
            "STRONGROOM_LOG",
            format!("file:{}", log_in(folder.path()).display()),
        )
        .env_remove("STRONGROOM_MODE")
        .stdout(file())
        .stderr(file())
        .spawn()
        .expect("the test can be run");
    let status = wait(&mut child);
    if !status.success() {
        let output = fs::read_to_string(&output).unwrap_or_default();
        let log = fs::read_to_string(log_in(folder.path())).unwrap_or_default();
        panic!("{mode}: {status}\n--- output\n{output}\n--- log\n{log}");
    }
}

/// This test, run once more.
fn again() -> Command {
    let mut command = Command::new(env::current_exe().expect("a test has a path"));
    let thread = thread::current();
    let name = thread.name().expect("a test's thread has its name");
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::null());
    command
}

/// Where a test has its home.
struct Folder(TempDir);

impl Folder {
    fn new(mode: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("strongroom-test-")
            .tempdir()
            .unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        let configuration = format!("mode = \"{mode}\"\nidle_seconds = 10\n");
        fs::write(home.join("strongroom.toml"), configuration).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    /// An hsmd that lives still sees that its home is gone, and puts nothing into what is being removed.
    fn drop(&mut self) {
        let gone = self.path().with_extension("gone");
        if fs::rename(self.path(), &gone).is_ok() {
            let _ = fs::remove_dir_all(gone);
        }
    }
}

fn log_in(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + patience();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => {
                let _ = child.kill();
                panic!("it hangs: {answer:?}");
            }
        }
    }
}
