//! runc's command line, so that dockerd, containerd, podman and CRI-O can call this program in its place; and `serve`.

mod arguments;
mod console;
mod control;
mod create;
mod events;
mod exec;
mod features;
mod foreground;
mod inspect;
mod logger;
mod template;
mod update;

use crate::failure::Result;
use arguments::{Arguments, unexpected};
use logger::Logger;
use std::path::PathBuf;
use std::process::ExitCode;
use wire::{Code, Failure};

/// What stands before the command.
pub struct Global {
    pub root: PathBuf,
    pub logger: Logger,
    /// `cgroupsPath` is systemd's slice:prefix:name.
    pub systemd_cgroup: bool,
}

pub fn run() -> ExitCode {
    let mut arguments = Arguments::from_env();
    let global = match parse_global(&mut arguments) {
        Ok(Some(global)) => global,
        Ok(None) => return ExitCode::SUCCESS,
        Err(failure) => {
            Logger::to_stderr().error(&failure.message);
            return ExitCode::FAILURE;
        }
    };
    match dispatch(&global, &mut arguments) {
        Ok(code) => code,
        Err(failure) => {
            global.logger.error(&failure.message);
            ExitCode::FAILURE
        }
    }
}

fn default_root() -> PathBuf {
    let user = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| !rustix::process::geteuid().is_root());
    user.map_or_else(|| "/run/gantry-executor".into(), |directory| PathBuf::from(directory).join("gantry-executor"))
}

fn parse_global(arguments: &mut Arguments) -> Result<Option<Global>> {
    let (mut root, mut log, mut json, mut debug, mut systemd_cgroup) = (default_root(), None, false, false, false);
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "root" => root = arguments.value()?.into(),
            "log" => log = Some(arguments.value()?),
            "log-format" => json = arguments.value()? == "json",
            "debug" => debug = true,
            "systemd-cgroup" => systemd_cgroup = true,
            // Whether we are rootless is seen from our user; crun's log levels and managers have one meaning here.
            "rootless" | "log-level" => drop(arguments.value()?),
            "cgroup-manager" => systemd_cgroup = arguments.value()? == "systemd",
            "version" | "v" => {
                println!("gantry-executor version {}\nspec: {}", env!("CARGO_PKG_VERSION"), oci::OCI_VERSION);
                return Ok(None);
            }
            "help" | "h" => {
                print!("{HELP}");
                return Ok(None);
            }
            other => return Err(unexpected(other)),
        }
    }
    Ok(Some(Global { root, logger: Logger::open(log.as_deref(), json, debug)?, systemd_cgroup }))
}

fn dispatch(global: &Global, arguments: &mut Arguments) -> Result<ExitCode> {
    let Some(command) = arguments.next_word() else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let done = |()| ExitCode::SUCCESS;
    match command.as_str() {
        "create" => create::create(global, arguments).map(done),
        "run" => create::run(global, arguments),
        "start" => create::start(global, arguments).map(done),
        "exec" => exec::exec(global, arguments),
        "state" => inspect::state(global, arguments).map(done),
        "list" => inspect::list(global, arguments).map(done),
        "ps" => inspect::ps(global, arguments).map(done),
        "kill" => control::kill(global, arguments).map(done),
        "delete" => control::delete(global, arguments).map(done),
        "pause" => control::pause(global, arguments).map(done),
        "resume" => control::resume(global, arguments).map(done),
        "update" => update::update(global, arguments).map(done),
        "events" => events::events(global, arguments).map(done),
        "features" => features::features().map(done),
        "spec" => template::spec(arguments).map(done),
        "serve" => control::serve(global, arguments).map(done),
        "help" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        "checkpoint" | "restore" => Err(Failure::new(Code::Unsupported, format!("{command} is not supported"))),
        other => Err(Failure::new(Code::Invalid, format!("{other:?} is not a command"))),
    }
}

const HELP: &str = "\
gantry-executor: an OCI runtime

usage: gantry-executor [global options] COMMAND [options] [arguments]

commands:
  create   create a container, ready to start      run      create and start a container
  start    run a created container's program       exec     run a further process in a container
  state    print a container's state               list     print all containers
  ps       print a container's processes           events   print statistics and out-of-memory events
  kill     send a signal                           delete   remove a container
  pause    freeze all processes                    resume   thaw them
  update   change resource limits                  features print what this runtime can do
  spec     write a configuration to start from     serve    serve requests on a socket

global options:
  --root DIR            where containers' states are kept
  --log FILE            write messages here too
  --log-format FORMAT   text or json
  --debug               write more of them
  --systemd-cgroup      cgroupsPath is written slice:prefix:name
";
