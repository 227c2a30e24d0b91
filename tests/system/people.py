# SPDX-License-Identifier: MIT
"""people: invented people at real postcodes; the same seed makes the same people."""
import csv
import datetime
import os
import random

from peer import new_uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POSTCODES = os.path.join(ROOT, "etc", "data", "postcodes_plymouth.csv")

GIVEN = ["Alder", "Briony", "Corin", "Damaris", "Elowen", "Fenn", "Gwenifer", "Hollis", "Isolde", "Jory", "Kerensa",
         "Lowena", "Merryn", "Nessa", "Osric", "Perran", "Quilla", "Rozenn", "Senara", "Tamblyn", "Ursell", "Venna"]
FAMILY = ["Quillfeather", "Brambleworth", "Thistlewick", "Oddfellowe", "Marrowgate", "Pennyfarthing", "Tidewrack",
          "Hollowbread", "Larkspurre", "Saltmarshe", "Wintergreene", "Copperkettle", "Mossgrove", "Fernihoughe"]
STREETS = ["Example Street", "Invented Lane", "Sample Row", "Fiction Terrace", "Made-up Close"]
COMMON_NEEDS = ["befriending", "social-activity", "advice-and-information", "health-improvement", "benefits", "housing",
                "social-prescribing", "food", "debt-advice", "digital-inclusion", "physical-activity", "family-support",
                "carer-support", "peer-support", "learning", "employment", "self-management", "counselling"]


def nhs_check_digit(nine):
    """Modulus 11; None when the nine digits have no check digit."""
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
    check = 11 - rest
    return None if check == 10 else check % 11


def nhs_number(random_source):
    """From the 999 range, which is never given to a person."""
    while True:
        nine = f"999{random_source.randrange(10 ** 6):06d}"
        check = nhs_check_digit(nine)
        if check is not None:
            return f"{nine}{check}"


def read_postcodes():
    with open(POSTCODES, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class People:
    """Makes the content of submits."""

    def __init__(self, seed=1, clock=None):
        self.random = random.Random(seed)
        self.clock = clock  # None: the real time
        self.places = read_postcodes()
        self.count = 0

    def place_in(self, neighbourhood_name):
        return self.random.choice([row for row in self.places if row["msoa21_name"] == neighbourhood_name])["postcode"]

    def now(self):
        return self.clock.now() if self.clock else datetime.datetime.now(datetime.timezone.utc)

    def birthday(self, age=None):
        year = self.now().year - age if age else self.random.randint(1932, 2004)
        return f"{year}-{self.random.randint(1, 11):02d}-{self.random.randint(1, 20):02d}"

    def submit(self, need=None, source="gp_link_worker", priority="routine", neighbourhood=None, age=None, **fields):
        """A whole submit about a new person with a need, or several; fields replace or add, None removes."""
        self.count += 1
        needs = need if isinstance(need, list) else [need or self.random.choice(COMMON_NEEDS)]
        now = (self.now() - datetime.timedelta(seconds=1)).isoformat(timespec="milliseconds")
        message = {
            "type": "submit", "request_id": new_uuid(), "correlation_id": new_uuid(),
            "sent_at": now, "authored_on": now, "referral_identifier": f"case-{self.count:04d}",
            "priority": priority, "referral_source": source,
            "referrer_name": "Rowan Example", "referrer_role": "Link worker", "referrer_phone": "01632960001",
            "nhs_number": nhs_number(self.random),
            "family_name": self.random.choice(FAMILY), "given_name": self.random.choice(GIVEN),
            "date_of_birth": self.birthday(age), "gender": self.random.choice(["1", "2", "X"]), "ethnic_category": "Z",
            "address_lines": [f"{self.random.randint(1, 99)} {self.random.choice(STREETS)}", "Plymouth"],
            "postcode": self.place_in(neighbourhood) if neighbourhood else self.random.choice(self.places)["postcode"],
            "contact_permissions": ["phone"],
            "needs": [{"code": code, "is_primary": code == needs[0]} for code in needs],
            "reason_for_referral": "Invented for a test of the network.",
            "consent_to_share": "given", "consent_recorded_at": now, "consent_recorded_by": "Rowan Example",
            "consent_message_back": ["referrer"],
        }
        message.update(fields)
        return {name: value for name, value in message.items() if value is not None}
