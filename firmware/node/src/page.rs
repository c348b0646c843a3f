//! What a board is given with its firmware: settings, certificates and key, in one page of flash.
//!
//! ```text
//! 0   8   "MUSTERP1"
//! 8   8   four lengths, 16 bits each: settings, CA, certificate, key; none of them 0
//! 16      settings (text), CA (DER), certificate (DER), key (PKCS #8 DER), one after the other
//!     4   CRC-32 (ISO HDLC, as zlib's) of all before it
//! ```
//! Numbers are little-endian; what follows is not looked at. `page.py` in the board's folder writes it.

use crc::{CRC_32_ISO_HDLC, Crc};

const MAGIC: &[u8; 8] = b"MUSTERP1";
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// A page that can be believed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Page<'p> {
    /// Lines of `key=value`.
    pub settings: &'p str,
    /// Whom the node trusts. DER.
    pub ca: &'p [u8],
    /// The node's certificate. DER.
    pub certificate: &'p [u8],
    /// Its key. PKCS #8 DER.
    pub key: &'p [u8],
}

impl core::fmt::Debug for Page<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Page")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Why there is none. A board then does not start: it would have to speak for nobody, or in plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It does not begin with the magic: never written, or something else was.
    #[error("the page of settings was never written")]
    Empty,
    /// A length is 0, or goes beyond the page.
    #[error("the page of settings is cut short: write it again")]
    Length,
    /// It was written or kept badly.
    #[error("the page of settings is damaged (CRC): write it again")]
    Checksum,
    /// The settings are not UTF-8.
    #[error("the settings are not text")]
    Text,
}

impl<'p> Page<'p> {
    /// The first of a page and its spare that can be believed, and, where that is the spare, what is wrong with the first.
    ///
    /// # Errors
    /// What is wrong with the first, if neither can.
    pub fn first_good(pages: [&'p [u8]; 2]) -> Result<(Self, Option<PageError>), PageError> {
        let [first, spare] = pages.map(Self::parse);
        match first {
            Ok(page) => Ok((page, None)),
            Err(fault) => spare.map(|page| (page, Some(fault))).map_err(|_| fault),
        }
    }

    /// Reads a page; it may be longer than what is in it.
    ///
    /// # Errors
    /// See [`PageError`].
    pub fn parse(page: &'p [u8]) -> Result<Self, PageError> {
        let lengths = page.strip_prefix(MAGIC).ok_or(PageError::Empty)?;
        let (lengths, mut rest) = lengths.split_first_chunk::<8>().ok_or(PageError::Length)?;
        let mut parts = [&[][..]; 4];
        for (part, length) in parts.iter_mut().zip(lengths.as_chunks::<2>().0) {
            let length = usize::from(u16::from_le_bytes(*length));
            (*part, rest) = rest.split_at_checked(length).ok_or(PageError::Length)?;
        }
        let checksum = rest.first_chunk().ok_or(PageError::Length)?;
        if u32::from_le_bytes(*checksum) != CHECKSUM.checksum(&page[..page.len() - rest.len()]) {
            return Err(PageError::Checksum);
        }
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PageError::Length);
        }
        let [settings, ca, certificate, key] = parts;
        let settings = core::str::from_utf8(settings).map_err(|_| PageError::Text)?;
        Ok(Self {
            settings,
            ca,
            certificate,
            key,
        })
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    /// As `page.py` writes it from the settings "node=n1\n" and the files "CA", "CERT" and "KEY".
    const WRITTEN: &[u8] = b"MUSTERP1\x08\0\x02\0\x04\0\x03\0node=n1\nCACERTKEY\xaa\x83\x3d\x27\xFF\xFF\xFF";

    #[test]
    fn what_the_script_writes_is_read() {
        let page = Page::parse(WRITTEN).unwrap();
        assert_eq!((page.settings, page.ca), ("node=n1\n", &b"CA"[..]));
        assert_eq!((page.certificate, page.key), (&b"CERT"[..], &b"KEY"[..]));
    }

    #[test]
    fn a_damaged_page_falls_back_to_its_spare_and_says_so() {
        let empty = &[0xFF; 64][..];
        assert_eq!(Page::first_good([WRITTEN, empty]).unwrap().1, None);
        let mut damaged = [0; WRITTEN.len()];
        damaged.copy_from_slice(WRITTEN);
        damaged[20] ^= 1;
        let (page, why) = Page::first_good([&damaged, WRITTEN]).unwrap();
        assert_eq!((page.settings, why), ("node=n1\n", Some(PageError::Checksum)));
        assert_eq!(Page::first_good([&damaged, empty]), Err(PageError::Checksum));
        assert_eq!(Page::first_good([empty, WRITTEN]).unwrap().1, Some(PageError::Empty));
    }

    #[test]
    fn any_bit_that_fell_is_noticed_and_no_length_reaches_beyond() {
        let used = WRITTEN.len() - 3;
        for at in 0..used {
            for bit in 0..8 {
                let mut page = [0; WRITTEN.len()];
                page.copy_from_slice(WRITTEN);
                page[at] ^= 1 << bit;
                assert!(Page::parse(&page).is_err(), "byte {at}, bit {bit}");
            }
        }
        for end in 0..used {
            assert!(Page::parse(&WRITTEN[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(Page::parse(&[0xFF; 64]), Err(PageError::Empty));
    }
}
