"""Codes of issuing states and nationalities (ICAO Doc 9303-3, section 5)."""

from __future__ import annotations

# ISO 3166-1, three letters and two: part A.
_ISO_3166 = """
ABW:AW AFG:AF AGO:AO AIA:AI ALA:AX ALB:AL AND:AD ARE:AE ARG:AR ARM:AM ASM:AS ATA:AQ ATF:TF ATG:AG
AUS:AU AUT:AT AZE:AZ BDI:BI BEL:BE BEN:BJ BES:BQ BFA:BF BGD:BD BGR:BG BHR:BH BHS:BS BIH:BA BLM:BL
BLR:BY BLZ:BZ BMU:BM BOL:BO BRA:BR BRB:BB BRN:BN BTN:BT BVT:BV BWA:BW CAF:CF CAN:CA CCK:CC CHE:CH
CHL:CL CHN:CN CIV:CI CMR:CM COD:CD COG:CG COK:CK COL:CO COM:KM CPV:CV CRI:CR CUB:CU CUW:CW CXR:CX
CYM:KY CYP:CY CZE:CZ DEU:DE DJI:DJ DMA:DM DNK:DK DOM:DO DZA:DZ ECU:EC EGY:EG ERI:ER ESH:EH ESP:ES
EST:EE ETH:ET FIN:FI FJI:FJ FLK:FK FRA:FR FRO:FO FSM:FM GAB:GA GBR:GB GEO:GE GGY:GG GHA:GH GIB:GI
GIN:GN GLP:GP GMB:GM GNB:GW GNQ:GQ GRC:GR GRD:GD GRL:GL GTM:GT GUF:GF GUM:GU GUY:GY HKG:HK HMD:HM
HND:HN HRV:HR HTI:HT HUN:HU IDN:ID IMN:IM IND:IN IOT:IO IRL:IE IRN:IR IRQ:IQ ISL:IS ISR:IL ITA:IT
JAM:JM JEY:JE JOR:JO JPN:JP KAZ:KZ KEN:KE KGZ:KG KHM:KH KIR:KI KNA:KN KOR:KR KWT:KW LAO:LA LBN:LB
LBR:LR LBY:LY LCA:LC LIE:LI LKA:LK LSO:LS LTU:LT LUX:LU LVA:LV MAC:MO MAF:MF MAR:MA MCO:MC MDA:MD
MDG:MG MDV:MV MEX:MX MHL:MH MKD:MK MLI:ML MLT:MT MMR:MM MNE:ME MNG:MN MNP:MP MOZ:MZ MRT:MR MSR:MS
MTQ:MQ MUS:MU MWI:MW MYS:MY MYT:YT NAM:NA NCL:NC NER:NE NFK:NF NGA:NG NIC:NI NIU:NU NLD:NL NOR:NO
NPL:NP NRU:NR NZL:NZ OMN:OM PAK:PK PAN:PA PCN:PN PER:PE PHL:PH PLW:PW PNG:PG POL:PL PRI:PR PRK:KP
PRT:PT PRY:PY PSE:PS PYF:PF QAT:QA REU:RE ROU:RO RUS:RU RWA:RW SAU:SA SDN:SD SEN:SN SGP:SG SGS:GS
SHN:SH SJM:SJ SLB:SB SLE:SL SLV:SV SMR:SM SOM:SO SPM:PM SRB:RS SSD:SS STP:ST SUR:SR SVK:SK SVN:SI
SWE:SE SWZ:SZ SXM:SX SYC:SC SYR:SY TCA:TC TCD:TD TGO:TG THA:TH TJK:TJ TKL:TK TKM:TM TLS:TL TON:TO
TTO:TT TUN:TN TUR:TR TUV:TV TWN:TW TZA:TZ UGA:UG UKR:UA UMI:UM URY:UY USA:US UZB:UZ VAT:VA VCT:VC
VEN:VE VGB:VG VIR:VI VNM:VN VUT:VU WLF:WF WSM:WS YEM:YE ZAF:ZA ZMB:ZM ZWE:ZW
"""
_TWO_LETTERS = dict(pair.split(":") for pair in _ISO_3166.split())
ISO_3166 = frozenset(_TWO_LETTERS)

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


_OF_CERTIFICATES = {
    **{code: (two,) for code, two in _TWO_LETTERS.items()},
    "CHN": ("CN", "HK", "MO"),  # Hong Kong and Macao sign their own, which say CHN
    "EUE": ("EU",),
    "RKS": ("KS", "XK"),  # neither is of ISO 3166; both are in use for Kosovo
    "UTO": ("UT",),
    "IAO": ("IA",),
    "XOM": ("XO",),
    **dict.fromkeys(("GBD", "GBN", "GBO", "GBP", "GBS"), ("GB",)),
    **dict.fromkeys(("UNO", "UNA", "UNK"), ("UN", "ZZ")),  # ZZ until the United Nations had a code
}


def of_certificates(code: str) -> tuple[str, ...]:
    """What the certificates of an issuing state name as their country (Doc 9303-12, 7.1).

    Args:
        code: Of the issuing state, as a zone has it.

    Returns:
        Two letters, several such codes for some; none where nothing here knows them.
    """
    return _OF_CERTIFICATES.get(canonical(code), ())


def canonical(code: str) -> str:
    """The code to compare by."""
    return SAME.get(code, code)
