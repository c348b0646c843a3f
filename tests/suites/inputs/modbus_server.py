"""A pymodbus server with 16 discrete inputs (and registers) at unit 1, told what to hold line by line in JSON.

Argument: {"units": [1]}, and "framer": "rtu" where TCP only carries the bytes of a serial line, or "serial": a tty. Prints {"port"}; a
line {"set": [function, address, value]} changes what a read of the first unit, or of "unit", gets.
"""

import asyncio
import json
import logging
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusSerialServer, ModbusTcpServer

logging.disable(logging.CRITICAL)


def device():
    # The block's first address is one more than the one on the wire.
    block = lambda: ModbusSequentialDataBlock(1, [0] * 16)
    return ModbusDeviceContext(di=block(), co=block(), hr=block(), ir=block())


async def main():
    told = json.loads(sys.argv[1])
    units, framer = told["units"], FramerType(told.get("framer", "socket"))
    context = ModbusServerContext(devices={unit: device() for unit in units}, single=False)
    if tty := told.get("serial"):
        # As on a line: who is not there says nothing.
        server = ModbusSerialServer(context, framer=FramerType.RTU, port=tty, baudrate=115200, ignore_missing_devices=True)
    else:
        server = ModbusTcpServer(context, framer=framer, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    print(json.dumps({"port": 0 if tty else server.transport.sockets[0].getsockname()[1]}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        function, address, value = order["set"]
        await server.async_setValues(order.get("unit", units[0]), function, address, [value])
        print(json.dumps({"set": True}), flush=True)


asyncio.run(main())
