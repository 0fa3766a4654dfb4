//! fstab-style mount options, as runc and crun read them.

use sys::MountAttr;

const MS_UNBINDABLE: u64 = 1 << 17;
const MS_PRIVATE: u64 = 1 << 18;
const MS_SLAVE: u64 = 1 << 19;
const MS_SHARED: u64 = 1 << 20;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MountOptions {
    pub bind: bool,
    pub recursive_bind: bool,
    /// For the mount itself.
    pub attr: MountAttr,
    /// For the mount and everything below it (`rro`, `rnosuid`…).
    pub recursive_attr: MountAttr,
    /// (propagation type, recursively).
    pub propagation: Vec<(u64, bool)>,
    pub copy_up: bool,
    /// Map the mount's owners: Some(recursively).
    pub id_map: Option<bool>,
    pub source_no_follow: bool,
    pub destination_no_follow: bool,
    /// Of the file system itself, not of this mount of it: `sync`, `lazytime`…
    pub superblock: Vec<String>,
    /// For the file system to make sense of.
    pub other: Vec<String>,
}

/// The attribute bit of an option, and whether the option sets or clears it.
fn attribute(option: &str) -> Option<(u64, bool)> {
    Some(match option {
        "ro" => (MountAttr::RDONLY, true),
        "rw" => (MountAttr::RDONLY, false),
        "nosuid" => (MountAttr::NOSUID, true),
        "suid" => (MountAttr::NOSUID, false),
        "nodev" => (MountAttr::NODEV, true),
        "dev" => (MountAttr::NODEV, false),
        "noexec" => (MountAttr::NOEXEC, true),
        "exec" => (MountAttr::NOEXEC, false),
        "nodiratime" => (MountAttr::NODIRATIME, true),
        "diratime" => (MountAttr::NODIRATIME, false),
        "nosymfollow" => (MountAttr::NOSYMFOLLOW, true),
        "symfollow" => (MountAttr::NOSYMFOLLOW, false),
        _ => return None,
    })
}

/// Access time modes share one field: setting any means clearing the others.
fn access_time(option: &str) -> Option<u64> {
    Some(match option {
        "noatime" => MountAttr::NOATIME,
        "strictatime" => MountAttr::STRICTATIME,
        "relatime" | "atime" | "norelatime" | "nostrictatime" => 0,
        _ => return None,
    })
}

fn propagation(option: &str) -> Option<(u64, bool)> {
    Some(match option {
        "private" => (MS_PRIVATE, false),
        "rprivate" => (MS_PRIVATE, true),
        "shared" => (MS_SHARED, false),
        "rshared" => (MS_SHARED, true),
        "slave" => (MS_SLAVE, false),
        "rslave" => (MS_SLAVE, true),
        "unbindable" => (MS_UNBINDABLE, false),
        "runbindable" => (MS_UNBINDABLE, true),
        _ => return None,
    })
}

fn apply(attr: &mut MountAttr, option: &str) -> bool {
    if let Some((bit, is_set)) = attribute(option) {
        let (add, remove) = if is_set { (&mut attr.set, &mut attr.clear) } else { (&mut attr.clear, &mut attr.set) };
        *add |= bit;
        *remove &= !bit;
        return true;
    }
    let Some(mode) = access_time(option) else { return false };
    attr.clear |= MountAttr::ATIME_FIELD;
    attr.set = attr.set & !MountAttr::ATIME_FIELD | mode;
    true
}

impl MountOptions {
    pub fn parse(options: &[String]) -> Self {
        let mut parsed = Self::default();
        for option in options {
            parsed.add(option);
        }
        parsed
    }

    fn add(&mut self, option: &str) {
        match option {
            "bind" => self.bind = true,
            "rbind" => (self.bind, self.recursive_bind) = (true, true),
            "defaults" | "remount" | "silent" | "loud" | "async" | "nomand" | "mand" | "norro" => {}
            "tmpcopyup" => self.copy_up = true,
            "idmap" => self.id_map = Some(false),
            "ridmap" => self.id_map = Some(true),
            "src-nofollow" => self.source_no_follow = true,
            "dest-nofollow" => self.destination_no_follow = true,
            "sync" | "dirsync" | "lazytime" | "nolazytime" | "iversion" | "noiversion" => self.superblock.push(option.to_owned()),
            _ => {
                if let Some(propagation) = propagation(option) {
                    self.propagation.push(propagation);
                } else if !apply(&mut self.attr, option)
                    && !option.strip_prefix('r').is_some_and(|rest| apply(&mut self.recursive_attr, rest))
                {
                    self.other.push(option.to_owned());
                }
            }
        }
    }

    pub fn is_read_only(&self) -> bool {
        self.attr.set & MountAttr::RDONLY != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> MountOptions {
        MountOptions::parse(&options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn sorts_options_into_attributes_propagation_and_the_rest() {
        let options = parse(&["rbind", "nosuid", "ro", "rprivate", "mode=755", "size=64k", "tmpcopyup"]);
        assert!(options.bind && options.recursive_bind && options.copy_up && options.is_read_only());
        assert_eq!(options.attr.set, MountAttr::RDONLY | MountAttr::NOSUID);
        assert_eq!(options.propagation, [(MS_PRIVATE, true)]);
        assert_eq!(options.other, ["mode=755", "size=64k"]);
    }

    #[test]
    fn the_last_of_two_opposites_wins() {
        let options = parse(&["ro", "rw", "noexec", "exec"]);
        assert_eq!((options.attr.set, options.attr.clear), (0, MountAttr::RDONLY | MountAttr::NOEXEC));
        assert_eq!(parse(&["noatime", "strictatime"]).attr.set, MountAttr::STRICTATIME);
    }

    #[test]
    fn recursive_flags_are_kept_apart() {
        let options = parse(&["rro", "rnosuid", "relatime"]);
        assert_eq!(options.recursive_attr.set, MountAttr::RDONLY | MountAttr::NOSUID);
        assert_eq!((options.attr.set, options.attr.clear), (0, MountAttr::ATIME_FIELD));
    }
}
