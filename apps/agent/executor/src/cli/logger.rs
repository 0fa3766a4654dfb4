//! Messages for whoever called: one JSON object or logrus line each, the last error being what containerd shows to people.

use crate::clock;
use crate::failure::{Attempt, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

pub struct Logger {
    file: Option<Mutex<File>>,
    json: bool,
    debug: bool,
}

impl Logger {
    pub fn to_stderr() -> Self {
        Self { file: None, json: false, debug: false }
    }

    pub fn open(path: Option<&str>, json: bool, debug: bool) -> Result<Self> {
        let path = path.map(|path| path.strip_prefix("file:").unwrap_or(path)).filter(|path| !path.is_empty());
        let open = |path| OpenOptions::new().append(true).create(true).open(path).attempt(format!("open log {path}"));
        Ok(Self { file: path.map(open).transpose()?.map(Mutex::new), json, debug })
    }

    pub fn error(&self, message: &str) {
        self.write("error", message);
        // Also where a person looks, if the log goes elsewhere.
        if self.file.is_some() {
            crate::report::say(message);
        }
    }

    pub fn warning(&self, message: &str) {
        self.write("warning", message);
    }

    pub fn debug(&self, message: &str) {
        if self.debug {
            self.write("debug", message);
        }
    }

    fn write(&self, level: &str, message: &str) {
        let time = clock::now();
        let line = if self.json {
            serde_json::json!({ "level": level, "msg": message, "time": time }).to_string()
        } else {
            format!("time=\"{time}\" level={level} msg={message:?}")
        };
        match &self.file {
            Some(file) => {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                // A log that cannot be written is no reason to fail.
                let _ = file.write_all(format!("{line}\n").as_bytes());
            }
            None => crate::report::say(line),
        }
    }
}
