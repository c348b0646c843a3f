"""A pymodbus server with 16 discrete inputs (and registers) at unit 1, told what to hold line by line in JSON.

Argument: {"units": [1]}, and "framer": "rtu" where TCP only carries the bytes of a serial line. Prints {"port"}; a line {"set": [function, address, value]} changes what a read gets.
"""

import asyncio
import json
import logging
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

logging.disable(logging.CRITICAL)


def device():
    # The block's first address is one more than the one on the wire.
    block = lambda: ModbusSequentialDataBlock(1, [0] * 16)
    return ModbusDeviceContext(di=block(), co=block(), hr=block(), ir=block())


async def main():
    told = json.loads(sys.argv[1])
    units, framer = told["units"], FramerType(told.get("framer", "socket"))
    context = ModbusServerContext(devices={unit: device() for unit in units}, single=False)
    server = ModbusTcpServer(context, framer=framer, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    print(json.dumps({"port": server.transport.sockets[0].getsockname()[1]}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        function, address, value = json.loads(line)["set"]
        await server.async_setValues(units[0], function, address, [value])
        print(json.dumps({"set": True}), flush=True)


asyncio.run(main())
