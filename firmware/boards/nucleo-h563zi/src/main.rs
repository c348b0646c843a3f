#![no_std]
#![no_main]
use embassy_stm32 as _;
use embassy_executor as _;
use muster_node as _;
use board_common as _;
use embedded_hal_bus as _;
#[cortex_m_rt::entry]
fn main() -> ! { loop {} }
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
