//! Which hierarchies this machine has, from /proc/self/mountinfo.

use crate::cgroup::{Cgroup, Membership};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    V1,
    V2,
    Hybrid,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct V1 {
    pub controllers: Vec<String>,
    pub mount: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hierarchies {
    pub(crate) v1: Vec<V1>,
    pub(crate) v2: Option<PathBuf>,
}

const V1_CONTROLLERS: [&str; 14] = [
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "devices",
    "freezer",
    "blkio",
    "pids",
    "hugetlb",
    "net_cls",
    "net_prio",
    "perf_event",
    "rdma",
    "misc",
];

impl Hierarchies {
    pub fn detect() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(mountinfo: &str) -> Self {
        let mut found = Self::default();
        for line in mountinfo.lines() {
            let Some((mount, kind)) = line.split_once(" - ") else { continue };
            let mut kind = kind.split(' ');
            let (Some(fs), Some(_source), Some(options)) = (kind.next(), kind.next(), kind.next()) else { continue };
            let Some(path) = mount.split(' ').nth(4).map(PathBuf::from) else { continue };
            match fs {
                "cgroup2" if found.v2.is_none() => found.v2 = Some(path),
                "cgroup" => {
                    let is_controller = |option: &&str| V1_CONTROLLERS.contains(option) || *option == "name=systemd";
                    let controllers: Vec<String> = options.split(',').filter(is_controller).map(str::to_owned).collect();
                    if !controllers.is_empty() && !found.v1.iter().any(|known| known.controllers == controllers) {
                        found.v1.push(V1 { controllers, mount: path });
                    }
                }
                _ => {}
            }
        }
        found
    }

    pub fn mode(&self) -> Mode {
        match (&self.v2, self.v1.is_empty()) {
            (Some(_), true) => Mode::V2,
            (Some(_), false) => Mode::Hybrid,
            (None, false) => Mode::V1,
            (None, true) => Mode::Nothing,
        }
    }

    /// Controllers that can be used, wherever they are.
    pub fn controllers(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.v1.iter().flat_map(|v1| v1.controllers.clone()).filter(|name| !name.starts_with("name=")).collect();
        if let Some(v2) = &self.v2 {
            names.extend(unified_controllers(v2));
        }
        names
    }

    /// The cgroup an OCI `cgroupsPath` names in every hierarchy: absolute below each root, relative below our own, empty by id.
    pub fn cgroup(&self, cgroups_path: &str, container_id: &str) -> Cgroup {
        let relative = if cgroups_path.is_empty() { container_id } else { cgroups_path };
        let own = if relative.starts_with('/') { String::new() } else { std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default() };
        let below = |mount: &Path, is_ours: &dyn Fn(&str) -> bool| {
            let own_path = own.lines().find_map(|line| {
                let mut fields = line.splitn(3, ':').skip(1);
                let controllers = fields.next()?;
                is_ours(controllers).then(|| fields.next().unwrap_or_default().trim_start_matches('/'))
            });
            mount.join(own_path.unwrap_or_default()).join(relative.trim_start_matches('/'))
        };
        let v1 = self.v1.iter().map(|v1| Membership {
            controllers: v1.controllers.clone(),
            mount: v1.mount.clone(),
            path: below(&v1.mount, &|names| names.split(',').any(|name| name == v1.controllers[0])),
        });
        let v2 = self.v2.iter().map(|mount| Membership {
            controllers: Vec::new(),
            mount: mount.clone(),
            path: below(mount, &|names| names.is_empty()),
        });
        Cgroup { v1: v1.collect(), v2: v2.into_iter().next() }
    }
}

pub(crate) fn unified_controllers(directory: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("cgroup.controllers")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_controllers_where_they_are() {
        let found = Hierarchies::parse(
            "30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
             31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n\
             32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n\
             33 30 0:29 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n\
             34 30 0:27 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct\n",
        );
        assert_eq!(found.mode(), Mode::Hybrid);
        assert_eq!(found.v1.len(), 2);
        assert_eq!(found.v1[0].mount, Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        let cgroup = found.cgroup("/gantry/web", "web");
        assert_eq!(cgroup.v1[0].path, Path::new("/sys/fs/cgroup/cpu,cpuacct/gantry/web"));
        assert_eq!(cgroup.v2.unwrap().path, Path::new("/sys/fs/cgroup/unified/gantry/web"));
    }
}
