//! The life of a real hsmd: born of its first client, shared by the next ones, survived by them, and
//! gone when nobody needs it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what it expects"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use token::{Access, Hsm, Mode, Operator, Owner, Reason};
use wire::{Client, Home, SIGNPOST, SOCKET};

/// A home whose hsmd is the one that was just built.
struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let program = env!("CARGO_BIN_EXE_hsmd");
        let text = format!("hsmd = \"{program}\"\n{settings}");
        fs::write(path.join("strongroom.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn home(&self) -> Home {
        Home::at(&self.path()).unwrap()
    }

    fn client(&self) -> Client {
        Client::connect(&self.home()).unwrap()
    }

    fn owner(&self) -> Owner {
        fs::read_to_string(self.path().join("lock"))
            .unwrap()
            .parse()
            .unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.owner().pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        eventually("hsmd is gone", || {
            // A zombie, where this process has to be the one that collects it.
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
            stat.map_or(true, |stat| stat.contains(") Z "))
        });
    }

    fn runtime(&self) -> PathBuf {
        runtime_of(&self.path()).unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let runtime = runtime_of(&self.path());
        if let Ok(owner) = fs::read_to_string(self.path().join("lock"))
            && let Ok(owner) = owner.parse::<Owner>()
            && is_ours(owner.pid)
            && let Some(pid) = rustix::process::Pid::from_raw(owner.pid.cast_signed())
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = runtime.map(fs::remove_dir_all);
    }
}

/// Where the hsmd of a home says that it is.
fn runtime_of(home: &Path) -> Option<PathBuf> {
    Home::at(home).ok()?.runtime().signposted()
}

fn is_ours(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm"));
    name.is_ok_and(|name| name == "hsmd\n")
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        // So long that no loaded machine needs it.
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_first_client_starts_hsmd_and_the_next_ones_share_it() {
    let house = House::new("");
    let first = house.client();
    let owner = house.owner();
    assert_eq!(owner.mode, Mode::Served);
    assert_ne!(owner.pid, std::process::id());
    let second = house.client();
    assert_eq!(house.owner().pid, owner.pid);
    assert_eq!(first.slots().unwrap().len(), second.slots().unwrap().len());
}

#[test]
fn a_home_that_is_not_there_is_made() {
    let house = House::new("");
    let path = house.path().join("deep/inside");
    let mut home = Home::at(&path).unwrap();
    home.configuration_mut().hsmd = Some(env!("CARGO_BIN_EXE_hsmd").into());
    let client = Client::connect(&home).unwrap();
    assert!(client.clusters().unwrap().is_empty());
    let owner: Owner = fs::read_to_string(path.join("lock"))
        .unwrap()
        .parse()
        .unwrap();
    let runtime = runtime_of(&path).unwrap();
    let pid = rustix::process::Pid::from_raw(owner.pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    eventually("the socket is gone", || !runtime.join(SOCKET).exists());
    fs::remove_dir_all(runtime).unwrap();
}

#[test]
fn eight_clients_at_once_start_one_hsmd() {
    let house = House::new("");
    let home = house.home();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let home = home.clone();
            thread::spawn(move || Client::connect(&home).unwrap())
        })
        .collect();
    let clients: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    assert!(clients.iter().all(|client| client.slots().is_ok()));
}

#[test]
fn a_killed_hsmd_is_started_again_by_the_next_verb() {
    let house = House::new("");
    let client = house.client();
    let slot = client.slots().unwrap()[0].id;
    let session = client.open_session(slot, Access::ReadOnly);
    house.signal(rustix::process::Signal::KILL);
    assert!(client.slots().is_ok());
    if let Ok(session) = session {
        assert_eq!(client.session(session).unwrap().slot, slot);
    }
}

#[test]
fn an_hsmd_that_is_killed_under_load_is_noticed_by_nobody() {
    let house = House::new("");
    let client = house.client();
    assert!(client.shares_memory());
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let load = || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                client.slots().unwrap();
            }
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        for _ in 0..5 {
            // One that has begun to serve: a client gives up on those that die at their birth.
            client.slots().unwrap();
            thread::sleep(Duration::from_millis(100));
            house.signal(rustix::process::Signal::KILL);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_terminated_hsmd_cleans_up_and_is_started_again_by_the_next_verb() {
    let house = House::new("");
    let client = house.client();
    let before = house.owner().pid;
    house.signal(rustix::process::Signal::TERM);
    assert!(!house.runtime().join(SOCKET).exists());
    assert!(client.slots().is_ok());
    assert_ne!(house.owner().pid, before);
}

#[test]
fn hsmd_leaves_when_nobody_needs_it() {
    let house = House::new("idle_seconds = 1");
    let client = house.client();
    let pid = house.owner().pid;
    thread::sleep(Duration::from_millis(1500));
    assert!(is_ours(pid), "it stays while there is a client");
    drop(client);
    eventually("hsmd leaves", || !house.runtime().join(SOCKET).exists());
    assert!(house.client().slots().is_ok());
}

#[test]
fn hsmd_leaves_when_its_home_is_gone() {
    let house = House::new("");
    let _client = house.client();
    let runtime = house.runtime();
    fs::rename(house.path(), house.folder.path().join("moved")).unwrap();
    eventually("hsmd leaves and cleans up", || !runtime.exists());
}

#[test]
fn hsmd_leaves_a_home_that_took_the_place_of_its_own_alone() {
    let house = House::new("");
    let first = house.client();
    let pid = house.owner().pid;
    let moved = house.folder.path().join("moved");
    fs::rename(house.path(), &moved).unwrap();
    fs::create_dir(house.path()).unwrap();
    fs::copy(
        moved.join("strongroom.toml"),
        house.path().join("strongroom.toml"),
    )
    .unwrap();
    // The socket leads to the first hsmd, which must not take what is meant for the second home.
    let second = house.client();
    assert_ne!(house.owner().pid, pid);
    eventually("the first one has left", || !is_ours(pid));
    assert!(house.runtime().join(SOCKET).exists());
    drop((first, second));
}

#[test]
fn a_socket_that_was_cleaned_away_comes_back() {
    let house = House::new("");
    let _client = house.client();
    let socket = house.runtime().join(SOCKET);
    fs::remove_file(&socket).unwrap();
    eventually("the socket is back", || socket.exists());
    assert!(house.client().slots().is_ok());
}

#[test]
fn an_hsmd_that_listens_elsewhere_now_says_where() {
    let house = House::new("");
    let name = wire::runtime_name(house.home().path());
    let above = house.folder.path().join("runtime");
    let chosen = above.join(name);
    for folder in [&above, &chosen] {
        fs::create_dir(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let mut hsmd = Command::new(env!("CARGO_BIN_EXE_hsmd"))
        .arg("--home")
        .arg(house.path())
        .arg("--runtime")
        .arg(&chosen)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let place = || runtime_of(&house.path());
    eventually("it serves", || place().as_ref() == Some(&chosen));
    fs::remove_dir_all(&chosen).unwrap();
    eventually("the signpost leads to the new socket", || {
        place().is_some_and(|place| place != chosen && place.join(SOCKET).exists())
    });
    assert!(house.client().slots().is_ok());
    assert_eq!(house.owner().pid, hsmd.id());
    hsmd.kill().unwrap();
    hsmd.wait().unwrap();
}

#[test]
fn an_embedded_owner_is_named_and_not_waited_for() {
    let house = House::new("");
    let engine =
        hsm::Engine::open(&house.path(), Mode::Embedded, hsm::Settings::default()).unwrap();
    let begun = Instant::now();
    let error = Client::connect(&house.home()).err().unwrap();
    // Not only once the minute is over that a client waits for an hsmd.
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(error.reason, Reason::HomeInUse, "{error}");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    engine.close().unwrap();
    drop(engine);
    assert!(house.client().slots().is_ok());
}

#[test]
fn socket_and_folder_are_their_owners_until_the_configuration_opens_them() {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let closed = House::new("");
    let _client = closed.client();
    assert_eq!(mode(&closed.runtime()), 0o700);
    assert_eq!(mode(&closed.runtime().join(SOCKET)), 0o600);
    let open = House::new("socket_access = \"all\"");
    let _client = open.client();
    assert_eq!(mode(&open.runtime()), 0o711);
    assert_eq!(mode(&open.runtime().join(SOCKET)), 0o666);
}

#[test]
fn a_client_that_is_killed_is_noticed_although_its_descriptor_lives() {
    let house = House::new("idle_seconds = 1");
    let other = house.client();
    let pid = house.owner().pid;
    // A frame: letter, kind 1, number, lengths. A greeting: versions 2 to 2, New, no software.
    // The child keeps the descriptor, so only the process of who has greeted tells of its end.
    let script = format!(
        "import socket,os,time,struct\n\
         s=socket.socket(socket.AF_UNIX); s.connect({:?})\n\
         body=bytes([2,2,0,0]); s.sendall(b'S\\1\\0\\0'+struct.pack('>III',0,len(body),0)+body)\n\
         assert s.recv(64)[:2]==b'S\\2'\n\
         os.write(1,b'%d\\n' % os.fork()); time.sleep(60)\n",
        house.runtime().join(SOCKET)
    );
    let mut client = Command::new("python3")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let lines: Vec<_> = (0..2).map(|_| lines.next().unwrap().unwrap()).collect();
    drop(other);
    thread::sleep(Duration::from_millis(1500));
    assert!(is_ours(pid), "it stays while the client lives");
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("hsmd leaves", || !is_ours(pid));
    let child = lines
        .iter()
        .filter_map(|line| line.parse().ok())
        .max()
        .unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_folder_for_other_things_is_no_runtime_directory() {
    let house = House::new("");
    let folder = house.folder.path().join("precious");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hsmd"))
        .arg("--home")
        .arg(house.path())
        .arg("--runtime")
        .arg(&folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--runtime must name a folder"), "{text}");
    let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o755);
}

#[test]
fn a_configuration_that_makes_no_sense_is_an_error_with_its_line() {
    let house = House::new("idle_secnds = 1");
    let error = Home::at(&house.path()).err().unwrap();
    assert!(error.to_string().contains("idle_secnds"), "{error}");
}

#[test]
fn a_service_listens_on_the_socket_that_it_is_handed() {
    let house = House::new("idle_seconds = 0");
    let runtime = house.home().runtime().make().unwrap();
    // systemd's part: listen, hand over as descriptor 3, name the process.
    let script = "import os,socket,sys\n\
        s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n\
        os.dup2(s.fileno(),3); os.set_inheritable(3,True)\n\
        os.environ['LISTEN_PID']=str(os.getpid()); os.environ['LISTEN_FDS']='1'\n\
        os.execv(sys.argv[2],[sys.argv[2],'--home',sys.argv[3]])\n";
    let mut service = Command::new("python3")
        .args(["-c", script])
        .arg(runtime.join(SOCKET))
        .arg(env!("CARGO_BIN_EXE_hsmd"))
        .arg(house.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the service serves", || {
        house.path().join(SIGNPOST).exists()
    });
    assert!(house.client().slots().is_ok());
    assert_eq!(house.owner().pid, service.id());
    thread::sleep(Duration::from_millis(500));
    assert!(
        service.try_wait().unwrap().is_none(),
        "a service does not leave by itself"
    );
    service.kill().unwrap();
    service.wait().unwrap();
}
