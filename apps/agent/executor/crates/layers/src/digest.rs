//! Content digests in OCI's notation, `algorithm:hex`.

use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

/// A digest that is known to be well formed.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a sha256 or sha512 digest")]
pub struct DigestError(String);

impl Digest {
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let malformed = || DigestError(text.to_owned());
        let (algorithm, hex) = text.split_once(':').ok_or_else(malformed)?;
        let (algorithm, length) = match algorithm {
            "sha256" => (Algorithm::Sha256, 32),
            "sha512" => (Algorithm::Sha512, 64),
            _ => return Err(malformed()),
        };
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(|pair| Some((digit(pair[0])? << 4) | digit(*pair.get(1)?)?)).collect();
        match bytes {
            Some(bytes) if bytes.len() == length => Ok(Self { algorithm, bytes }),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self.algorithm {
            Algorithm::Sha256 => "sha256:",
            Algorithm::Sha512 => "sha512:",
        })?;
        self.bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(state) => Digest { algorithm: Algorithm::Sha256, bytes: state.finalize().to_vec() },
            Self::Sha512(state) => Digest { algorithm: Algorithm::Sha512, bytes: state.finalize().to_vec() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_oci_notation() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hasher::new(Algorithm::Sha256).finish().to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Hasher::new(Algorithm::Sha256).finish());
        let long = Hasher::new(Algorithm::Sha512).finish();
        assert_eq!(long.to_string().parse::<Digest>().unwrap(), long);
    }

    #[test]
    fn refuses_what_could_be_a_path_or_another_algorithm() {
        for text in ["", "sha256:", "sha256:../../etc", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:E3B0", "sha512:00", "sha256:0"] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let odd = format!("sha256:{}", "0".repeat(63));
        assert!(odd.parse::<Digest>().is_err());
    }
}
