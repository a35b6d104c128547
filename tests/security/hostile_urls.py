"""Where strangers would send us: 150 and more ways to name an inner address, and what a hostile name service answers."""

INNER_V4 = [
    "127.0.0.1", "127.1.2.3", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1",
    "100.100.100.200", "100.127.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2",
    "169.254.255.255", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.254", "255.255.255.255",
]  # fmt: skip
INNER_V6 = [
    "::", "::1", "::2", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1", "0:0:0:0:0:ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "100::1",
    "2001::1", "2001:0:7f00:1::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2002:a00:1::", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254",
    "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "ffff::1",
]  # fmt: skip
ODD = [
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/",
    "https://0/", "https://0x/", "https://017700000001/", "https://127.0.0.1./", "https://127.000.000.001/", "https://127.0.0.0x1/",
    "https://2852039166/", "https://0xa9fea9fe/", "https://169.254.43518/", "https://0251.0376.0251.0376/", "https://1.1.1.1.1/",
    "https://256.256.256.256/", "https://127.0.0.1:0/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/", "https://ⓛocalhost/",
    "https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/", "https://metadata/",
    "https://metadata.google.internal/", "https://metadata.google.internal./", "https://printer.local/", "https://db.corp/",
    "https://router.lan/", "https://x.home.arpa/", "https://intranet/", "https://a.intranet/", "https://localhost.localdomain/",
    "https://user@127.0.0.1/", "https://127.0.0.1@receiver.example/", "https://receiver.example@127.0.0.1/",
    "https://receiver.example:pw@127.0.0.1/", "https://receiver.example%40127.0.0.1/", "https://receiver.example%00.127.0.0.1/",
    "https://127.0.0.1%2f.receiver.example/", "https://127.0.0.1\\@receiver.example/", "https://receiver.example\\@127.0.0.1/",
    "https:\\\\127.0.0.1/", "https:///127.0.0.1/", "https:/127.0.0.1/", "https:127.0.0.1", "//127.0.0.1/", "127.0.0.1",
    "https://127.0.0.1#@receiver.example/", "https://receiver.example#@127.0.0.1/", "https://127.0.0.1\t/", "https://127.0.0.1\n/",
    "https://127.0.0.1\r\nHost: x/", "https://rece\tiver.example/", " https://127.0.0.1/", "https://[127.0.0.1]/",
    "https://[::1%25lo]/", "https://[::1%lo]/", "https://[::1/", "https://::1/", "https://[v1.x]/", "https://[]/",
    "https://[fe80::1%25eth0]/", "https://[2607:f8b0:4004::1%25eth0]/", "https://receiver.example:99999/",
    "https://receiver.example:-1/", "https://receiver.example:80:443/", "https://.receiver.example/", "https://receiver..example/",
    "https://-receiver.example/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/",
    "https://receiver.example/" + "x" * 3000, "https://*.receiver.example/", "https://receiver.example,127.0.0.1/",
    "http://receiver.example/", "http://127.0.0.1/", "http://[::1]/", "ftp://receiver.example/", "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x", "dict://127.0.0.1/", "data:text/plain,x", "javascript:alert(1)", "unix:///var/run/x.sock",
    "HTTPS+unix://x/", "https", "https://", "https://?", "https://#", "",
]  # fmt: skip
LITERALS = [
    *(f"https://{address}/" for address in INNER_V4),
    *(f"https://[{address}]/" for address in INNER_V6),
    *ODD,
]

# What a name of theirs resolves to: all of one answer, or one answer after the other.
ANSWERS: dict[str, list[list[str]]] = {
    **{f"v4-{n}.attacker.example": [[address]] for n, address in enumerate(INNER_V4)},
    **{f"v6-{n}.attacker.example": [[address]] for n, address in enumerate(INNER_V6)},
    "mixed-last.attacker.example": [["93.184.215.14", "127.0.0.1"]],
    "mixed-first.attacker.example": [["169.254.169.254", "93.184.215.14"]],
    "mixed-six.attacker.example": [["93.184.215.14", "::1"]],
    "scoped.attacker.example": [["fe80::1%eth0"]],
    "nonsense.attacker.example": [["not an address"]],
    "rebinding.attacker.example": [["93.184.215.14"], ["127.0.0.1"]],
    "rebinding-later.attacker.example": [["93.184.215.14"], ["93.184.215.14"], ["169.254.169.254"]],
    "rebinding-on-and-off.attacker.example": [["93.184.215.14"], ["127.0.0.1"]] * 20,
    "rebinding-six.attacker.example": [["2606:2800:21f::1"], ["::1"]],
}
PUBLIC = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:2800:21f::1", "2a00:1450:4001::1"]
