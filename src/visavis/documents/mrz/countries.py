"""Codes of issuing states and nationalities (ICAO Doc 9303-3, section 5)."""

from __future__ import annotations

# ISO 3166-1 alpha-3: part A.
_ISO_3166 = """
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR
BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL
COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK
FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV
HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO
LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG
MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN
PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE
SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO
TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
"""
ISO_3166 = frozenset(_ISO_3166.split())

# Parts B to E, and codes that real documents carry beside them.
OTHERS = frozenset(
    {
        *("D", "EUE", "RKS", "UTO"),  # Germany, the European Union, Kosovo, and the standard's own examples
        *("GBD", "GBN", "GBO", "GBP", "GBS"),  # British, but not citizens
        *("XXA", "XXB", "XXC", "XXX"),  # stateless, refugees, unspecified
        *("UNO", "UNA", "UNK"),  # the United Nations
        # Organisations: ICAO, Interpol, the Order of Malta, banks, courts, communities of states.
        *("IAO", "XPO", "XES", "XMP", "XOM", "XDC", "XCE", "XBA", "XIM", "XCC", "XCO", "XEC", "XAF"),
        *(
            "ANT",
            "NTZ",
            "ROM",
            "SCG",
            "TMP",
            "YUG",
            "ZAR",
        ),  # withdrawn from ISO 3166, and printed while they were valid
    }
)

CODES = ISO_3166 | OTHERS
"""All codes; another one is no ground to refuse a zone, for specimens invent theirs."""

SAME = {"D": "DEU", "ROM": "ROU", "ZAR": "COD", "TMP": "TLS"}
"""Codes that mean the same state as another."""


def canonical(code: str) -> str:
    """The code to compare by."""
    return SAME.get(code, code)
