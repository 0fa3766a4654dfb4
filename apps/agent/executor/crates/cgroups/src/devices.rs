//! Device rules for cgroup v1, and the rules every container gets.

use crate::{Error, Result};
use oci::DeviceRule;
use std::io::Write;
use std::path::Path;

/// Nothing, then what the standard device nodes need (the spec's default devices; mknod of anything, since a node is useless without
/// read or write), then the configured rules in order.
pub(crate) fn effective_rules(rules: &[DeviceRule]) -> Vec<DeviceRule> {
    const STANDARD: [(i64, Option<i64>); 9] =
        [(1, Some(3)), (1, Some(5)), (1, Some(7)), (1, Some(8)), (1, Some(9)), (5, Some(0)), (5, Some(1)), (5, Some(2)), (136, None)];
    let rule = |kind: &str, major, minor, access: &str| DeviceRule { allow: true, kind: kind.into(), major, minor, access: access.into() };
    let mut all = vec![DeviceRule { allow: false, kind: "a".into(), major: None, minor: None, access: "rwm".into() }];
    all.extend(["c", "b"].map(|kind| rule(kind, None, None, "m")));
    all.extend(STANDARD.map(|(major, minor)| rule("c", Some(major), minor, "rwm")));
    // A leading "deny everything" in the configuration is what the list starts with already.
    let configured = rules.iter().skip_while(|rule| !rule.allow && is_everything(rule));
    // Letters beside r, w and m mean nothing, as in runc; the kernel would refuse the whole rule.
    let known =
        |rule: &DeviceRule| DeviceRule { access: rule.access.chars().filter(|letter| "rwm".contains(*letter)).collect(), ..rule.clone() };
    all.extend(configured.map(known).filter(|rule| !rule.access.is_empty() || is_everything(rule)));
    all
}

/// Any device at all, by type or by wildcard numbers.
pub(crate) fn is_everything(rule: &DeviceRule) -> bool {
    matches!(rule.kind.as_str(), "" | "a") && rule.major.is_none_or(|major| major < 0) && rule.minor.is_none_or(|minor| minor < 0)
}

fn v1_line(rule: &DeviceRule) -> String {
    if is_everything(rule) {
        return "a".into();
    }
    let number = |value: Option<i64>| value.filter(|number| *number >= 0).map_or("*".into(), |number| number.to_string());
    format!("{} {}:{} {}", rule.kind, number(rule.major), number(rule.minor), rule.access)
}

pub(crate) fn write_v1(path: &Path, rules: &[DeviceRule]) -> Result<()> {
    let open = |file: &str| {
        let path = path.join(file);
        std::fs::OpenOptions::new().write(true).open(&path).map_err(|source| Error::Io { attempt: "open", path, source })
    };
    let (mut allow, mut deny) = (open("devices.allow")?, open("devices.deny")?);
    for rule in effective_rules(rules) {
        let file = if rule.allow { &mut allow } else { &mut deny };
        file.write_all(v1_line(&rule).as_bytes()).map_err(|source| Error::Io {
            attempt: "write a device rule for",
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_letters_of_an_access_are_ignored() {
        let rule = |access: &str| DeviceRule { allow: false, kind: "c".into(), major: Some(1), minor: Some(11), access: access.into() };
        let added = |access: &str| {
            let rules = effective_rules(&[rule(access)]);
            rules[effective_rules(&[]).len()..].iter().map(v1_line).collect::<Vec<_>>()
        };
        assert_eq!(added("rwa"), ["c 1:11 rw"]);
        assert_eq!(added("a"), Vec::<String>::new());
        let everything = DeviceRule { allow: true, kind: "a".into(), major: None, minor: None, access: "rwm".into() };
        let none = DeviceRule { allow: false, access: String::new(), ..everything.clone() };
        assert_eq!(effective_rules(&[everything, none]).last().map(|rule| rule.allow), Some(false));
    }
}
