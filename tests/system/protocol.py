# SPDX-License-Identifier: MIT
"""protocol: the reference part of PROTOCOL.md as data, fresh from the tables (the program describe prints it), and a
message of every type made from it, so that a new type cannot be forgotten by a test."""
import collections
import os
import re
import subprocess

from peer import new_uuid, referral_id, time_text

Message = collections.namedtuple("Message", "name direction roles fields")
Field = collections.namedtuple("Field", "name is_given kind of least most")
USEFUL = {"note", "contact", "nhs_number"}  # not mandatory, but what the rules between fields ask for
NOBODY = referral_id(999999999)  # no referral ever has this number


class Protocol:
    def __init__(self, build):
        text = subprocess.run([os.path.join(build, "tests", "describe")], check=True, stdout=subprocess.PIPE,
                              text=True).stdout
        sections = {title: body for title, body in re.findall(r"^### ([^\n]*)\n(.*?)(?=^##|\Z)", text, re.M | re.S)}
        self.codes = {title[6:]: re.findall(r"^\| `([^`]+)` \|", body, re.M)
                      for title, body in sections.items() if title.startswith("Codes ")}
        self.records = {title[7:]: self.read_fields(body)
                        for title, body in sections.items() if title.startswith("Record ")}
        rows = re.findall(r"^\| \[(\w+)\]\(#message-\w+\) \| (\w+) \| ([^|]*?) ?\|", text, re.M)
        self.messages = [Message(name, direction, roles.split(", ") if roles else [],
                                 self.read_fields(sections[f"Message {name}"])) for name, direction, roles in rows]
        self.roles = self.codes["role"]
        assert len(self.messages) > 60 and len(self.roles) == 5, "the tables have another form now"

    @staticmethod
    def read_fields(body):
        fields = []
        for name, obligation, kind, of, limits in re.findall(
                r"^\| `(\w+)` \| (\S+) \| (\w+)(?: of \[(\w+)\]\(\S*\))? \| ([^|]*) \|", body, re.M):
            both = re.match(r"(-?\d+) to (\d+)", limits)
            least, most = (int(both[1]), int(both[2])) if both else (0, 0)
            fields.append(Field(name, "mandatory" in obligation or name in USEFUL, kind, of, least, most))
        return [field for field in fields if field.name != "type"]

    def sample(self, message, **fields):
        """One that has every mandatory field, keeps the rules between fields, and names nothing that exists. (Of submit
        and draft only the fields are right.)"""
        return {"type": message.name} | self.sample_fields(message.fields) | fields

    def sample_fields(self, fields):
        return {field.name: self.sample_value(field) for field in fields if field.is_given}

    def sample_value(self, field):
        makers = {
            "UUID": new_uuid, "ID": lambda: "nothing-of-this-name"[:field.most].ljust(field.least, "0"),
            "TEXT": lambda: "A test.", "REFERRAL_ID": lambda: NOBODY, "BOOL": lambda: False, "INT": lambda: field.least,
            "CODE": lambda: "99" if field.of == "status_reason" else self.codes[field.of][-1],
            "DATETIME": time_text, "DATE": lambda: "2026-01-01",
            "CODES": lambda: self.codes[field.of][:field.least], "IDS": lambda: ["nothing-of-this-name"],
            "RECORDS": lambda: [self.sample_fields(self.records[field.of])], "PHONE": lambda: "01632960001",
            "EMAIL": lambda: "test@example.org", "POSTCODE": lambda: "PL1 1AE", "ODS": lambda: "Y99999",
            "SNOMED": lambda: "861931000000100", "NHS_NUMBER": lambda: "9990000018", "TEXTS": lambda: ["A test."],
            "INTS": lambda: [1] * field.least,
        }
        return makers[field.kind]()
