//! Options before the first plain word, as Go's flag packages read them: one dash or two, `--name value` or `--name=value`.

use crate::failure::Result;
use std::collections::VecDeque;
use wire::{Code, Failure};

pub struct Arguments {
    words: VecDeque<String>,
    /// The value that came with the last option, after `=`.
    attached: Option<String>,
    last_option: String,
}

pub fn unexpected(option: &str) -> Failure {
    Failure::new(Code::Invalid, format!("flag provided but not defined: --{option}"))
}

fn checked(id: Option<String>) -> Result<String> {
    let id = id.ok_or_else(|| Failure::new(Code::Invalid, "a container id is missing"))?;
    oci::check_container_id(&id)?;
    Ok(id)
}

impl Arguments {
    /// An argument that is not UTF-8 cannot be passed on in JSON either.
    pub fn from_env() -> Self {
        Self::new(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()))
    }

    fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self { words: words.into_iter().collect(), attached: None, last_option: String::new() }
    }

    /// The name of the next option; None at the first word that is none, or after `--`.
    pub fn next_option(&mut self) -> Result<Option<String>> {
        if self.attached.take().is_some_and(|value| value != "true") {
            return Err(Failure::new(Code::Invalid, format!("--{} takes no value", self.last_option)));
        }
        let Some(name) = self.words.front().and_then(|word| word.strip_prefix('-')).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let name = name.strip_prefix('-').unwrap_or(name).to_owned();
        self.words.pop_front();
        if name.is_empty() {
            return Ok(None);
        }
        let name = match name.split_once('=') {
            Some((name, value)) => {
                self.attached = Some(value.to_owned());
                name.to_owned()
            }
            None => name,
        };
        self.last_option.clone_from(&name);
        Ok(Some(name))
    }

    pub fn value(&mut self) -> Result<String> {
        let value = self.attached.take().or_else(|| self.words.pop_front());
        value.ok_or_else(|| Failure::new(Code::Invalid, format!("flag needs an argument: --{}", self.last_option)))
    }

    pub fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let value = self.value()?;
        value.parse().map_err(|_| Failure::new(Code::Invalid, format!("--{}: {value:?} is not a number", self.last_option)))
    }

    pub fn next_word(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Options may also stand between the words: takes the first word and leaves what follows for `next_option`.
    pub fn container_id(&mut self) -> Result<String> {
        checked(self.next_word())
    }

    /// The options and the one container id of a command line that holds nothing else, in any order: hands every option to `take`.
    pub fn container_id_among(&mut self, mut take: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<String> {
        let mut id = None;
        loop {
            while let Some(option) = self.next_option()? {
                take(self, &option)?;
            }
            match self.next_word() {
                None => return checked(id),
                Some(word) if id.is_none() => id = Some(word),
                Some(word) => return Err(Failure::new(Code::Invalid, format!("unexpected argument {word:?}"))),
            }
        }
    }

    pub fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words).into()
    }

    pub fn finish(&mut self) -> Result<()> {
        match self.next_word() {
            Some(word) => Err(Failure::new(Code::Invalid, format!("unexpected argument {word:?}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_options_in_every_spelling() {
        let mut line = arguments("--root /r -log=/l --debug=true create --bundle b id");
        let mut seen = Vec::new();
        while let Some(option) = line.next_option().unwrap() {
            let value = if option == "debug" { String::new() } else { line.value().unwrap() };
            seen.push((option, value));
        }
        let expected = [("root", "/r"), ("log", "/l"), ("debug", "")];
        assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(line.next_word().unwrap(), "create");
    }

    #[test]
    fn leaves_the_program_its_own_options() {
        let mut line = arguments("-t -- box ls -l --color");
        assert_eq!(line.next_option().unwrap().as_deref(), Some("t"));
        assert_eq!(line.next_option().unwrap(), None);
        assert_eq!(line.container_id().unwrap(), "box");
        assert_eq!(line.rest(), ["ls", "-l", "--color"]);
    }

    #[test]
    fn options_may_follow_the_id() {
        let read = |line: &str| {
            let mut values = Vec::new();
            let id = arguments(line).container_id_among(|arguments, option| {
                values.push((option.to_owned(), if option == "force" { String::new() } else { arguments.value()? }));
                Ok(())
            });
            id.map(|id| (id, values)).map_err(|failure| failure.message)
        };
        let expected = Ok(("box".to_owned(), vec![("cpus".to_owned(), "1".to_owned()), ("force".to_owned(), String::new())]));
        assert_eq!(read("--cpus 1 --force box"), expected);
        assert_eq!(read("--cpus 1 box --force"), expected);
        assert_eq!(read("box --cpus=1 --force"), expected);
        assert!(read("box --force other").unwrap_err().contains("other"));
        assert!(read("--force").unwrap_err().contains("missing"));
    }

    #[test]
    fn a_value_where_none_belongs_is_an_error() {
        let mut line = arguments("--detach=7 x");
        line.next_option().unwrap();
        assert!(line.next_option().is_err());
        assert!(arguments("--pid-file").next_option().and_then(|_| arguments("").value()).is_err());
    }
}
