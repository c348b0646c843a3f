//! What to do about a device that is not well: for somebody woken at three in the morning.

use super::Device;
use super::device::State;
use crate::counters::Cause;
use crate::sources::polls::Shown;

/// One line; what stands in back quotes is to be typed.
pub(super) fn of(device: &Device) -> String {
    let polled = device.polled.as_ref();
    if device.note().is_some() {
        return "Nothing, if somebody works on it: it votes again by itself. Else switch it back at the device, and ask who did it."
            .to_owned();
    }
    match (polled, device.last_error()) {
        // An error from before the last sound answer explains nothing now.
        (Some(polled), Some(error)) if polled.now.answered_ms.is_none_or(|ms| error.age_ms <= ms) => {
            of_cause(error.cause, polled)
        }
        (Some(polled), None) if device.state() == State::NotHeard => {
            format!("It has not been asked yet, or has not answered. {}", look(polled))
        }
        _ => of_channels(device),
    }
}

/// What stands behind an error of the conversation.
fn of_cause(cause: Cause, polled: &Shown) -> String {
    let what = match cause {
        Cause::ModbusConnect if polled.address.starts_with('/') => {
            "Is its adapter plugged in, under this name, and does no other program have it?"
        }
        Cause::ModbusTimeout if polled.is_line => {
            "Is it on, is the cable to its line in, are its unit id and the line's settings right? If the whole line is silent: \
             the adapter or the converter."
        }
        Cause::ModbusNoise => {
            "There is noise on its line: look at baud and parity, termination, earthing, and for a second master."
        }
        Cause::ModbusDisagrees => {
            "It does not have what its profile asks for: another model or firmware than that is for?"
        }
        Cause::ModbusConnect | Cause::SnmpConnect | Cause::ModbusTimeout | Cause::SnmpTimeout => {
            "Is it on, is its network cable in, is the address right?"
        }
        Cause::ModbusException => "It is there and refuses: another unit id or model than the config says?",
        Cause::ModbusShort | Cause::ModbusHeader | Cause::SnmpMismatch => {
            "Its answers do not fit the questions: is a second master or a faulty converter on its line?"
        }
        Cause::ModbusCanary | Cause::SnmpIdentity => "It is not the device of its profile: was it exchanged?",
        Cause::SnmpLogin => "Its user, passwords, ciphers or community were changed: compare them with the config.",
        Cause::SnmpRefused => {
            "It does not know what it is asked for: another firmware or model than its profile is for?"
        }
        Cause::NutConnect | Cause::NutTimeout => "Is the machine of upsd on, and does upsd run there?",
        Cause::NutTls => "The certificate of upsd is not the one the config trusts: renewed, or somebody in between?",
        Cause::NutStale | Cause::NutDriver => {
            return format!(
                "upsd runs and its driver does not hear the UPS: look at the cable between them, then restart the driver \
                 on {} (`upsdrvctl start`).",
                polled.address
            );
        }
        Cause::NutUnknownUps => "upsd knows no UPS of that name: compare `ups` in the config with what it lists.",
        Cause::NutVariable => {
            "This UPS does not say everything that the config asks for: take those names out of `signals`."
        }
        _ => "The last error above says what is wrong.",
    };
    format!("{what} {}", look(polled))
}

/// How to ask it oneself. A line is Muster's alone while it is polled.
fn look(polled: &Shown) -> String {
    let first = if polled.address.starts_with('/') {
        "With Muster stopped, "
    } else {
        ""
    };
    format!("{first}`{}` shows what answers there.", polled.probe)
}

/// Where nothing is wrong with the conversation, the channels tell.
fn of_channels(device: &Device) -> String {
    let lost = matches!(device.state(), State::Trouble | State::NotHeard);
    if lost && device.polled.is_none() {
        return "Is it on, and does its network reach this gateway? If it speaks and is refused, the log says why."
            .to_owned();
    }
    let has = |quality: &str| device.source.faults.iter().any(|fault| fault.quality == quality);
    let line = match () {
        () if has("open") || has("short") => "A wire to a contact or sensor is cut or shorted: check its terminals.",
        () if has("bad") || has("range") || has("stuck") || has("rate") => {
            "A sensor says what cannot be: compare it with one in your hand, then exchange it."
        }
        () if has("bus") || has("crc") => "It does not hear a sensor of its own: check the cable to it.",
        () if has("config") => {
            "It says that it has no value there: its own settings, or a model without this: look at its display and its profile."
        }
        () if has("warmup") => "It warms up, or is switched to test or inhibit: look at its own display.",
        () if has("good") => "The device reports a fault of its own: look at its own display or log.",
        () => "Part of it is not heard: look at what stands under it.",
    };
    line.to_owned()
}
