//! Building one netlink message: header, family header, nested attributes; all lengths are patched in when a part ends.

const ALIGN: usize = 4;

pub(crate) struct Message {
    bytes: Vec<u8>,
}

/// Start of an attribute that is still open.
pub(crate) struct Nested(usize);

impl Message {
    pub(crate) fn new(kind: u16, flags: u16, family_header: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(family_header);
        Self { bytes }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self.pad();
        self
    }

    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.bytes.extend(((ALIGN + value.len()) as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.raw(value)
    }

    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    pub(crate) fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    pub(crate) fn open(&mut self, kind: u16) -> Nested {
        let start = self.bytes.len();
        self.bytes.extend(0u16.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        Nested(start)
    }

    pub(crate) fn close(&mut self, nested: Nested) {
        let length = (self.bytes.len() - nested.0) as u16;
        self.bytes[nested.0..nested.0 + 2].copy_from_slice(&length.to_ne_bytes());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }

    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_attributes_and_counts_lengths() {
        let mut message = Message::new(16, 5, &[0; 16]);
        message.text(3, "veth0");
        let nested = message.open(18);
        message.number(4, 1500);
        message.close(nested);
        let bytes = message.finish(7);
        assert_eq!(bytes.len(), 16 + 16 + 12 + 4 + 8);
        assert_eq!(bytes[..4], 56u32.to_ne_bytes());
        assert_eq!(bytes[8..12], 7u32.to_ne_bytes());
        assert_eq!(bytes[32..44], *b"\x0a\0\x03\0veth0\0\0\0");
        assert_eq!(bytes[44..48], *b"\x0c\0\x12\0");
    }
}
