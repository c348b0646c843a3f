//! The library's own server, as a device that behaves.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio_modbus::prelude::{ConformityLevel, DeviceIdObject, ReadCode, ReadDeviceIdentificationResponse};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response};

/// Registers by address; input registers and holding registers are the same ones, bits are registers that are not 0.
#[derive(Clone, Default)]
pub(crate) struct Registers {
    pub(crate) words: Arc<Mutex<BTreeMap<u16, u16>>>,
    /// Who it says it is; it refuses to say where this is empty.
    pub(crate) identity: Vec<&'static str>,
    /// It has an exception for whatever it is asked.
    pub(crate) refuses: bool,
    /// What single registers say when they are asked for by themselves.
    pub(crate) alone: Arc<Mutex<BTreeMap<u16, Result<u16, ExceptionCode>>>>,
}

impl Registers {
    pub(crate) fn set(&self, start: u16, words: &[u16]) {
        self.words.lock().unwrap().extend((start..).zip(words.iter().copied()));
    }

    fn get(&self, start: u16, count: u16) -> Vec<u16> {
        let all = self.words.lock().unwrap();
        (start..start + count)
            .map(|a| all.get(&a).copied().unwrap_or(0))
            .collect()
    }

    fn by_itself(&self, at: u16) -> Option<Result<u16, ExceptionCode>> {
        self.alone.lock().unwrap().get(&at).copied()
    }

    fn identification(&self) -> Response {
        let object = |(id, text): (u8, &&'static str)| DeviceIdObject {
            id,
            value: text.as_bytes().into(),
        };
        Response::ReadDeviceIdentification(ReadDeviceIdentificationResponse {
            read_code: ReadCode::Basic,
            conformity_level: ConformityLevel::BasicIdentificationStreamOnly,
            more_follows: false,
            next_object_id: 0,
            device_id_objects: (0..).zip(&self.identity).map(object).collect(),
        })
    }
}

impl Service for Registers {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(match request {
            _ if self.refuses => Err(ExceptionCode::IllegalFunction),
            Request::ReadHoldingRegisters(at, 1) if let Some(said) = self.by_itself(at) => {
                said.map(|word| Response::ReadHoldingRegisters(vec![word]))
            }
            Request::ReadHoldingRegisters(at, n) => Ok(Response::ReadHoldingRegisters(self.get(at, n))),
            Request::ReadInputRegisters(at, n) => Ok(Response::ReadInputRegisters(self.get(at, n))),
            Request::ReadDiscreteInputs(at, n) => {
                let bits = self.get(at, n).into_iter().map(|w| w != 0).collect();
                Ok(Response::ReadDiscreteInputs(bits))
            }
            Request::ReadDeviceIdentification(..) if !self.identity.is_empty() => Ok(self.identification()),
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

/// Serves them for as long as the test runs; where.
pub(crate) async fn serve(registers: Registers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let accept = |stream, from| {
            let accepted = accept_tcp_connection(stream, from, |_| Ok(Some(registers.clone())));
            async move { accepted }
        };
        Server::new(listener).serve(&accept, |_| {}).await
    });
    address
}

/// A SunSpec map: the common model, and behind it battery model 802 with a charge of 87.5 %.
pub(crate) fn sunspec(registers: &Registers, start: u16) {
    registers.set(start, &[0x5375, 0x6E53, 1, 4, 0, 0, 0, 0, 802, 62]);
    let base = start + 8;
    registers.set(base + 11, &[875]);
    registers.set(base + 26, &[0, 0b10]);
    registers.set(base + 34, &[5_120]);
    registers.set(base + 56, &[(-1_i16).cast_unsigned()]);
    registers.set(base + 59, &[0x8000]);
    registers.set(base + 64, &[0xFFFF, 0]);
}
