//! A fire panel's contact module: the second group of every site, because all nodes of a plain listener are one.
//!
//! A few lines of Modbus TCP (function 2 only) in a thread of its own, so that a config can name its port before any
//! gateway runs, and the contact stays as it is while a gateway is killed and started again.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a panel shows.
#[derive(Default)]
struct Contact {
    closed: AtomicBool,
    silent: AtomicBool,
}

static PANELS: Mutex<BTreeMap<u16, Arc<Contact>>> = Mutex::new(BTreeMap::new());

/// Puts a panel up for as long as the tests run; its port names it.
pub(crate) fn put_up() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let contact = Arc::new(Contact::default());
    PANELS.lock().unwrap().insert(port, contact.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let contact = contact.clone();
            std::thread::spawn(move || serve(stream, &contact));
        }
    });
    port
}

/// Answers until the peer goes or the panel falls silent.
fn serve(mut stream: TcpStream, contact: &Contact) {
    let mut request = [0u8; 12];
    while !contact.silent.load(Ordering::Relaxed) && stream.read_exact(&mut request).is_ok() {
        let bits = u8::from(contact.closed.load(Ordering::Relaxed));
        // Transaction, protocol, length 4, unit, function 2, one byte of inputs.
        let answer = [request[0], request[1], 0, 0, 0, 4, request[6], request[7], 1, bits];
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Closes the contact of a panel, or takes the panel away.
pub(crate) struct Panel {
    contact: Arc<Contact>,
}

impl Panel {
    /// The panel at a port.
    pub(crate) fn at(port: u16) -> Self {
        let contact = PANELS.lock().unwrap()[&port].clone();
        Self { contact }
    }

    /// Fire alarm, from now on.
    pub(crate) fn alarm(&self) {
        self.contact.closed.store(true, Ordering::Relaxed);
    }

    /// No alarm any more. Whoever has voted by it stays latched.
    pub(crate) fn clear(&self) {
        self.contact.closed.store(false, Ordering::Relaxed);
    }

    /// Answers nobody any more.
    pub(crate) fn fall_silent(&self) {
        self.contact.silent.store(true, Ordering::Relaxed);
    }
}
