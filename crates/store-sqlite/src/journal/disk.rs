//! A segment's file. Tests can let its writes and syncs fail.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::private;

/// Written at once when a segment is filled with zeros. A page at a time, because systems that cache larger writes in
/// larger pieces then also write larger pieces for each small batch.
const ZEROS: [u8; 4 << 10] = [0; 4 << 10];

/// What a test lets happen to a write or a sync.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// So many bytes of the next write arrive; then the disk is full.
    FullAfter(usize),
    /// The next sync fails.
    Sync,
}

#[cfg(test)]
thread_local! {
    /// What goes wrong with the next file that this thread opens.
    static NEXT: std::cell::Cell<std::collections::VecDeque<Fault>> = std::cell::Cell::default();
}

/// An open segment.
pub struct Disk {
    file: File,
    #[cfg(test)]
    faults: std::sync::Mutex<std::collections::VecDeque<Fault>>,
}

impl Disk {
    /// Opens the file for writing, at least `bytes` long, all of them taken from the disk.
    pub fn zeroed(path: &Path, bytes: u64) -> io::Result<Disk> {
        let file = private::file(path)?;
        let mut length = file.metadata()?.len();
        while length < bytes {
            let part = ZEROS.len().min((bytes - length) as usize);
            file.write_all_at(&ZEROS[..part], length)?;
            length += part as u64;
        }
        Ok(Disk {
            file,
            #[cfg(test)]
            faults: std::sync::Mutex::new(NEXT.take()),
        })
    }

    /// Lets something go wrong, once and in the order told.
    #[cfg(test)]
    pub fn fail(&self, fault: Fault) {
        self.faults.lock().expect("no test panics inside").push_back(fault);
    }

    /// Lets something go wrong with the next file that this thread opens.
    #[cfg(test)]
    pub fn fail_next(fault: Fault) {
        NEXT.set([fault].into());
    }

    #[cfg(test)]
    fn fault(&self, expected: impl Fn(Fault) -> bool) -> Option<Fault> {
        let mut faults = self.faults.lock().expect("no test panics inside");
        if faults.front().is_some_and(|fault| expected(*fault)) { faults.pop_front() } else { None }
    }

    /// Writes all bytes there.
    pub fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(Fault::FullAfter(part)) = self.fault(|fault| matches!(fault, Fault::FullAfter(_))) {
            self.file.write_all_at(&bytes[..part.min(bytes.len())], at)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write_all_at(bytes, at)
    }

    /// Waits until the disk has confirmed what was written.
    pub fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.fault(|fault| fault == Fault::Sync).is_some() {
            return Err(io::Error::other("the disk did not confirm"));
        }
        self.file.sync_data()
    }
}
