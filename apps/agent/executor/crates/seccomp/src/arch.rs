use crate::table::SYSCALLS;
use oci::{ConfigError, Seccomp};

/// An ABI with system call numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
}

impl Arch {
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Self = Self::X86_64;
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Self = Self::Aarch64;

    /// The profile's architectures that can occur on this machine, the native one always among them.
    pub(crate) fn of_profile(profile: &Seccomp) -> Result<Vec<Self>, ConfigError> {
        let mut arches = vec![Self::NATIVE];
        for name in &profile.architectures {
            if let Some(arch) = Self::by_name(name)? {
                if arch.family() == Self::NATIVE.family() && !arches.contains(&arch) {
                    arches.push(arch);
                }
            }
        }
        Ok(arches)
    }

    fn by_name(name: &str) -> Result<Option<Self>, ConfigError> {
        const ELSEWHERE: [&str; 18] = [
            "MIPS",
            "MIPS64",
            "MIPS64N32",
            "MIPSEL",
            "MIPSEL64",
            "MIPSEL64N32",
            "PPC",
            "PPC64",
            "PPC64LE",
            "S390",
            "S390X",
            "PARISC",
            "PARISC64",
            "RISCV64",
            "LOONGARCH64",
            "M68K",
            "SH",
            "SHEB",
        ];
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or_default();
        Ok(match short {
            "NATIVE" => Some(Self::NATIVE),
            "X86_64" => Some(Self::X86_64),
            "X86" => Some(Self::X86),
            "X32" => Some(Self::X32),
            "AARCH64" => Some(Self::Aarch64),
            "ARM" => Some(Self::Arm),
            _ if ELSEWHERE.contains(&short) => None,
            _ => return Err(ConfigError::invalid("linux.seccomp.architectures", format!("{name:?} is not known"))),
        })
    }

    fn family(self) -> u8 {
        u8::from(matches!(self, Self::Aarch64 | Self::Arm))
    }

    /// AUDIT_ARCH_*, as in seccomp_data.arch.
    pub(crate) fn audit_value(self) -> u32 {
        match self {
            Self::X86_64 | Self::X32 => 0xC000_003E,
            Self::X86 => 0x4000_0003,
            Self::Aarch64 => 0xC000_00B7,
            Self::Arm => 0x4000_0028,
        }
    }

    pub(crate) fn audit_values(arches: &[Self]) -> Vec<u32> {
        let mut values: Vec<u32> = arches.iter().map(|arch| arch.audit_value()).collect();
        values.dedup();
        let mut seen = Vec::new();
        values.retain(|value| {
            !seen.contains(value) && {
                seen.push(*value);
                true
            }
        });
        values
    }

    /// Added to the table's number to get seccomp_data.nr.
    pub(crate) fn number_base(self) -> u32 {
        if self == Self::X32 { 0x4000_0000 } else { 0 }
    }

    pub(crate) fn number(self, name: &str) -> Option<u16> {
        let index = SYSCALLS.binary_search_by_key(&name, |(name, _)| name).ok()?;
        u16::try_from(SYSCALLS[index].1[self as usize]).ok()
    }
}
