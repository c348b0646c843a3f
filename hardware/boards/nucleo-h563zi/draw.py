#!/usr/bin/env python3
"""Draws wiring.svg and placement.svg beside itself. Standard library only: ./draw.py"""

from html import escape
from pathlib import Path

INK, SOFT, PAPER = "#1b2733", "#5b6b7a", "#ffffff"
BUS, POWER, DANGER, LINK, GAS = "#1f6fb2", "#b8860b", "#c62828", "#2e7d32", "#7b4fa3"


class Sheet:
    """Shapes in the order they are drawn."""

    def __init__(self, width, height, title):
        self.size, self.title, self.parts = (width, height), title, []
        self.rect(0, 0, width, height, PAPER, "none")
        self.text(24, 36, title, 20, weight="bold")

    def rect(self, x, y, w, h, fill=PAPER, line=INK, dash="", round_=4):
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{round_}" fill="{fill}" stroke="{line}" '
            f'stroke-width="1.5"{dashes}/>'
        )

    def text(self, x, y, words, size=13, colour=INK, anchor="start", weight="normal"):
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>'
        )

    def box(self, x, y, w, h, name, lines=(), fill="#f4f7fa", line=INK):
        self.rect(x, y, w, h, fill, line)
        self.text(x + 10, y + 20, name, 14, weight="bold")
        for at, words in enumerate(lines):
            self.text(x + 10, y + 38 + 16 * at, words, 12, SOFT)

    def wire(self, points, colour=INK, width=2, dash="", arrow=False):
        path = " ".join(f"{x},{y}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        end = f' marker-end="url(#{colour[1:]})"' if arrow else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}{end}/>'
        )

    def circle(self, x, y, r, fill, line=INK):
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="{line}" stroke-width="1.5"/>')

    def write(self, path):
        w, h = self.size
        heads = "".join(
            f'<marker id="{c[1:]}" markerWidth="9" markerHeight="8" refX="7" refY="4" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="{c}"/></marker>'
            for c in (INK, BUS, POWER, DANGER, LINK, GAS)
        )
        body = "\n".join(self.parts)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
            f'font-family="DejaVu Sans, Arial, sans-serif" role="img" aria-label="{escape(self.title)}">\n'
            f"<defs>{heads}</defs>\n{body}\n</svg>\n"
        )


def wiring():
    s = Sheet(1240, 860, "Node on NUCLEO-H563ZI: wiring (drawn, not built)")

    # The controller.
    s.rect(520, 90, 200, 560, "#e8f0f7")
    s.text(620, 116, "NUCLEO-H563ZI", 15, anchor="middle", weight="bold")
    left = [("PB8  I2C1 SCL", 190, BUS), ("PB9  I2C1 SDA", 212, BUS), ("3V3", 250, POWER), ("GND", 272, INK)]
    right = [("I2C2 SCL  PF1", 190, BUS), ("I2C2 SDA  PF0", 212, BUS), ("3V3, GND", 234, POWER)]
    right += [("USART2 TX  PD5", 420, LINK), ("USART2 RX  PD6", 442, LINK), ("USART2 DE  PD4", 464, LINK)]
    right += [("RJ45  CN14", 572, INK)]
    for words, y, colour in left:
        s.circle(520, y, 4, colour, colour)
        s.text(530, y + 4, words, 12)
    for words, y, colour in right:
        s.circle(720, y, 4, colour, colour)
        s.text(710, y + 4, words, 12, anchor="end")
    s.circle(520, 572, 4, POWER, POWER)
    s.text(530, 576, "VIN  7–12 V", 12)
    s.text(530, 610, "LD1 green: samples", 11, SOFT)
    s.text(530, 626, "LD3 red: will not start", 11, SOFT)
    s.text(530, 642, "PD8 console, by ST-LINK USB", 11, SOFT)

    # The sensors' bus and what hangs on it.
    s.wire([(520, 190), (440, 190), (440, 690)], BUS, 3)
    s.text(452, 180, "I2C1", 12, BUS, weight="bold")
    s.text(452, 206, "2 wires", 11, SOFT)
    s.text(428, 80, "2k2 to 3V3, ≤ 1 m", 11, SOFT)
    chips = [
        (90, "SHT45", ["0x44   air temperature, humidity"]),
        (160, "SGP40", ["0x59   organic vapours"]),
        (230, "24LC32A / FM24CL64B", ["0x50   boot count"]),
    ]
    for y, name, lines in chips:
        s.box(170, y, 230, 54, name, lines)
        s.wire([(400, y + 27), (440, y + 27 if y > 160 else y + 27)], BUS)
    s.wire([(440, 117), (440, 190)], BUS, 3)
    s.box(250, 310, 150, 380, "ADS1115", ["0x48, at 3V3", "ADDR to GND"])
    s.wire([(400, 500), (440, 500)], BUS)
    for y, words in [(410, "AIN0"), (520, "AIN1"), (630, "AIN2")]:
        s.circle(250, y, 4, INK, INK)
        s.text(260, y + 4, words, 12)

    # Hydrogen.
    s.box(20, 360, 130, 74, "Hydrogen", ["4–20 mA", "0–4 % vol, 12 V"])
    s.wire([(150, 410), (250, 410)])
    s.rect(190, 424, 20, 34)
    s.wire([(200, 410), (200, 424)])
    s.wire([(200, 458), (200, 468)])
    s.wire([(191, 468), (209, 468)])
    s.text(214, 446, "100 Ω", 11)
    s.text(152, 400, "0.4–2.0 V", 11, SOFT)

    # Supervised contact.
    s.box(20, 490, 130, 92, "Fire contact", ["NO contact + 1k0,", "4k7 at the END", "of the line"])
    s.wire([(150, 520), (250, 520)])
    s.wire([(150, 565), (175, 565)])
    s.text(180, 569, "0 V", 11)
    s.rect(190, 488, 20, 24)
    s.wire([(200, 512), (200, 520)])
    s.wire([(200, 488), (200, 480)])
    s.text(214, 504, "2k2", 11)
    s.text(210, 484, "3V3", 11, POWER)

    # Supply.
    s.box(20, 604, 130, 52, "12 V supply", ["before the diode"], "#fff8e6", POWER)
    s.wire([(150, 630), (250, 630)])
    s.rect(160, 622, 26, 16)
    s.text(160, 618, "47k", 11)
    s.rect(204, 640, 20, 26)
    s.wire([(214, 630), (214, 640)])
    s.wire([(214, 666), (214, 676)])
    s.wire([(205, 676), (223, 676)])
    s.text(228, 658, "10k", 11)

    # Power and network.
    s.box(20, 740, 300, 84, "PoE splitter 802.3af, isolated, 12 V", ["or a 12 V supply from the UPS circuit: only then", "can the last message leave when power sags"], "#fff8e6", POWER)
    s.wire([(85, 740), (85, 656)], POWER, 2)
    s.box(350, 740, 150, 84, "Diode, 0.1 F", ["holds 1.5 s: see", "the bill of materials"], "#fff8e6", POWER)
    s.wire([(320, 782), (350, 782)], POWER, 3, arrow=True)
    s.wire([(470, 740), (470, 572), (514, 572)], POWER, 3, arrow=True)
    s.box(560, 740, 240, 84, "Switch with PoE", ["this node's own: the second node", "hangs on another, on another circuit"], "#eef7ee", LINK)
    s.wire([(720, 572), (760, 572), (760, 740)], LINK, 3)
    s.text(768, 690, "Ethernet (data)", 12, LINK)
    s.wire([(680, 824), (680, 842), (170, 842), (170, 826)], LINK, 3)
    s.text(420, 838, "Ethernet with PoE", 12, LINK)

    # RS-485.
    s.box(880, 390, 330, 120, "ISO1410 (5 kV isolated RS-485)", ["DE and RE together on PD4", "120 Ω at both ends of the cable", "bias 390 Ω up and down at one place", "Modbus RTU master: it reads, and never writes"], "#eef7ee", LINK)
    for y in (420, 442, 464):
        s.wire([(720, y), (880, y)], LINK)
    s.text(1045, 532, "local BMS or UPS: Modbus RTU, shielded pair", 12, SOFT, "middle")

    # The dangerous side.
    s.rect(860, 66, 366, 296, "#fdf0f0", DANGER, "8 5")
    s.text(872, 88, "BATTERY POTENTIAL: hundreds of volts DC", 13, DANGER, weight="bold")
    s.text(872, 106, "Live even with the breaker open. Isolate bus and supply.", 12, DANGER)
    s.box(800, 160, 130, 92, "ISO1640", ["I2C isolator", "4k7 both sides"], "#ffffff", DANGER)
    s.box(800, 268, 130, 74, "Isolated DC/DC", ["3V3 to 3V3, rated", "for the string"], "#ffffff", DANGER)
    s.wire([(720, 190), (800, 190)], BUS)
    s.wire([(720, 212), (800, 212)], BUS)
    s.wire([(720, 234), (770, 234), (770, 300), (800, 300)], POWER)
    s.box(985, 140, 105, 130, "INA228", ["0x40"], "#ffffff", DANGER)
    for y, words in [(190, "VBUS"), (216, "IN+"), (236, "IN−"), (258, "GND")]:
        s.text(1084, y + 4, words, 12, anchor="end")
    s.wire([(930, 190), (985, 190)], BUS)
    s.wire([(930, 212), (985, 212)], BUS)
    s.wire([(930, 305), (1010, 305), (1010, 270)], POWER)
    s.wire([(1184, 144), (1184, 128), (1140, 128)])
    s.text(1134, 132, "string +, fused", 11, DANGER, "end")
    s.rect(1174, 144, 20, 34)
    s.text(1200, 160, "9 ×", 11)
    s.text(1196, 174, "100k", 11)
    s.wire([(1184, 178), (1184, 204)])
    s.wire([(1090, 190), (1184, 190)])
    s.rect(1174, 204, 20, 34)
    s.text(1196, 226, "100k", 11)
    s.wire([(1184, 238), (1184, 312)])
    s.wire([(1090, 216), (1160, 216), (1160, 312)])
    s.wire([(1090, 258), (1160, 258)])
    s.wire([(1090, 236), (1108, 236), (1108, 312)])
    s.wire([(1160, 312), (1220, 312)], DANGER, 4)
    s.wire([(1108, 312), (1050, 312)], DANGER, 4)
    s.rect(1108, 300, 52, 24)
    s.text(1134, 316, "0.2 mΩ", 11, anchor="middle")
    s.text(1216, 342, "string −", 11, DANGER, "end")
    s.text(1050, 342, "UPS −", 11, DANGER)
    return s


def placement():
    s = Sheet(1240, 760, "Two nodes in a battery room (section, not to scale)")
    # The room.
    s.rect(60, 80, 1120, 560, "#fbfcfd")
    s.text(80, 104, "battery room: no UPS and no power cable in it (Korean rule of 2023)", 12, SOFT)
    # Racks.
    for x in (280, 520, 760):
        s.rect(x, 370, 130, 240, "#dde5ec")
        for at in range(6):
            s.rect(x + 12, 384 + 37 * at, 106, 28, "#c3d0db", SOFT, round_=2)
        s.text(x + 65, 628, "rack", 12, SOFT, "middle")
    s.wire([(412, 560), (518, 560)], SOFT, 1.5)
    s.text(480, 552, "0.8–1 m", 12, SOFT, "middle")
    # Air.
    s.rect(60, 520, 14, 80, "#d7ecf7", BUS)
    s.wire([(80, 560), (180, 560)], BUS, 3, arrow=True)
    s.text(84, 590, "supply air", 12, BUS)
    s.rect(1166, 110, 14, 70, "#e6dcf0", GAS)
    s.wire([(1040, 145), (1155, 145)], GAS, 3, arrow=True)
    s.text(1040, 132, "extract air", 12, GAS)
    # What comes out of a cell.
    s.wire([(580, 372), (575, 290), (600, 230), (585, 160)], GAS, 3, "9 6", arrow=True)
    s.wire([(600, 372), (640, 280), (760, 200), (900, 158)], GAS, 3, "9 6", arrow=True)
    s.text(408, 236, "hot gas, smoke and", 12, GAS)
    s.text(408, 252, "hydrogen: up, then", 12, GAS)
    s.text(408, 268, "along the ceiling", 12, GAS)
    s.wire([(520, 450), (480, 500), (440, 604)], GAS, 2, "4 5", arrow=True)
    s.text(418, 430, "cool off-gas", 12, GAS)
    s.text(418, 446, "may sink", 12, GAS)

    def node(x, y, name, colour, lines):
        s.rect(x, y, 168, 30 + 16 * len(lines), "#ffffff", colour)
        s.text(x + 10, y + 20, name, 13, colour, weight="bold")
        for at, words in enumerate(lines):
            s.text(x + 10, y + 37 + 16 * at, words, 12)

    node(300, 122, "node A", LINK, ["hydrogen at the ceiling,", "VOC, temperature"])
    node(790, 210, "node B", BUS, ["VOC, temperature,", "hydrogen at the extract"])
    s.circle(500, 118, 8, LINK)
    s.circle(1010, 170, 8, BUS)
    s.wire([(468, 138), (494, 121)], LINK)
    s.wire([(958, 228), (1005, 176)], BUS)
    s.wire([(508, 92), (1002, 92)], SOFT, 1.5)
    s.wire([(508, 86), (508, 98)], SOFT, 1.5)
    s.wire([(1002, 86), (1002, 98)], SOFT, 1.5)
    s.rect(688, 84, 128, 16, "#fbfcfd", "none")
    s.text(752, 97, "more than 5 m apart", 12, SOFT, "middle")
    # Reference.
    node(90, 424, "reference node", SOFT, ["VOC, T, at the inlet:", "what came from outside"])
    s.circle(110, 528, 8, SOFT)
    s.wire([(110, 486), (110, 520)], SOFT)
    # Outside.
    s.box(300, 672, 260, 66, "switch 1, circuit 1", ["in another room, on its own UPS feed"], "#eef7ee", LINK)
    s.box(790, 672, 260, 66, "switch 2, circuit 2", ["another cabinet, another feed"], "#e8f0f7", BUS)
    s.wire([(300, 150), (262, 150), (262, 654), (420, 654), (420, 672)], LINK, 2)
    s.wire([(958, 255), (985, 255), (985, 654), (920, 654), (920, 672)], BUS, 2)
    return s


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    wiring().write(here / "wiring.svg")
    placement().write(here / "placement.svg")
