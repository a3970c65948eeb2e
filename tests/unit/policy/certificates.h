/* certificates.h - certificates made by openssl ca, as SCIM carries them (DER in base64), all valid from
 * 2020-01-01 to 2098-01-01, and what ssh-keygen -i -m PKCS8 makes of their public keys (of Ed25519,
 * which it does not know there: type and key by hand). */
#ifndef TESTS_UNIT_POLICY_CERTIFICATES_H
#define TESTS_UNIT_POLICY_CERTIFICATES_H

#define CERTIFICATE_RSA                                                                            \
	"MIICpTCCAY0CFC5Nee4/H1DJ902To1lGNEj9VapNMA0GCSqGSIb3DQEBCwUAMA4xDDAKBgNVBAMMA2FkYTAg" \
	"Fw0yMDAxMDEwMDAwMDBaGA8yMDk4MDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDYWRhMIIBIjANBgkqhkiG9w0B" \
	"AQEFAAOCAQ8AMIIBCgKCAQEArgxM+wS8RQAx9By5aXMD+GCJjBHKpV1uTNScAXfvZFOCpdzevG3bWR4Y30Ku" \
	"8O4Sx36Kej8Bd51h8KBtiu3bncb4/mN1NMFUHjY+srqWXbWAHngGpHdxec1txmgCPSfgj+czn+cxIPUev3iC" \
	"/T1riBUlh6zj3uBCQ0+KVR1Huhs8eI4BATMPr0hW5Af8RthA68qkU++rZasJwJfSORbMZgPABhfRe4PkiJdg" \
	"tjfZG2Ue7A9buz4sPGK6BT8XIiLY8FLTWH1GsmNwj3oAyu35kNUGhMdagBmXd8jgAl4sxU6Vm3u5jZq59BrZ" \
	"aAPqP6ahCi7AmjsBuhEI43ukU7wOzwIDAQABMA0GCSqGSIb3DQEBCwUAA4IBAQCMZ0rgPyZ4PfIhye6Rm0pi" \
	"yYOs0iv5x4bx+mpH9cAwWGJIvQA35IV5fv8y3lDu1BtaqfpTBbiUuOTrmEJH3tNVvCDmCIhwqC3axT8YsqyX" \
	"HvifAeEScftXPC9Bb2b+iCs64KCUpYeWSqltgOC/IRe98/1I4Bv3P9wCTyFmIotpYOoG6R/u+zOTadFhA1Uv" \
	"z5r13Kza2ifJINDKkrnh8gXnOrHTpNKUobAUb7CDVqpNz1cxNRusukS1He7j0LIZ/rgOQJ3e8VCW7w9FHlLZ" \
	"cN1vC5atdvUxL/wunuQbHeZKdvEnEqDFmMnIS9Uch0YaUX5ADSuplMv9GDO1LP0Ghm3D"
#define CERTIFICATE_P256                                                                           \
	"MIIBGDCBvwIUKgZWBiERAHfCoj6TcVd+AUiNZ2MwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYWRhMCAXDTIw" \
	"MDEwMTAwMDAwMFoYDzIwOTgwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANhZGEwWTATBgcqhkjOPQIBBggqhkjO" \
	"PQMBBwNCAATF45vSV80Pfe/lOJ+sznmxY7h2bPF+B7Bux+DsDEi2n89PUe7Z5PLZzU9lAsqeKeNb8X74IPcB" \
	"yywAruldr5GyMAoGCCqGSM49BAMCA0gAMEUCIQC9wsoCRLP0ZFEEcBElgCRs0i0S1Wn87144PbVtDeA7pwIg" \
	"S0yy1sYcAoak7nQD+c4//q9ilPUROH1zLyVwVTelXpQ="
#define CERTIFICATE_P384                                                                           \
	"MIIBVTCB3AIUCYRwkyPR1hjAJTYAuSTSoFvKgZswCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYWRhMCAXDTIw" \
	"MDEwMTAwMDAwMFoYDzIwOTgwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANhZGEwdjAQBgcqhkjOPQIBBgUrgQQA" \
	"IgNiAASy9PaUJP/QQKUhqYcmvD27erA0MkuseTS89la3/tQPa7PiJF2o3YhTbo89JJhjGQcO4G3NSOt6z7U9" \
	"SOkuvHwMkvglCXFMzKdwTLcPY+VnMYhwlUNNuNa/iYApxQZkeyYwCgYIKoZIzj0EAwIDaAAwZQIweVFu/oT4" \
	"pMDEHCq072AIkpzpuJUkFD4+kb1vXTpKuVLdiMpA8TGNOKvtH5QE01iwAjEAodSrbPK/HJDjVChOKc+Pxeuc" \
	"MkLtv8G7sXeHzuFzfl71EefXh2dvpxk7VnASq9ik"
#define CERTIFICATE_P521                                                                           \
	"MIIBoTCCAQICFADihWIss6UWfsbeB98WKzfJ6YKRMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMMA2FkYTAgFw0y" \
	"MDAxMDEwMDAwMDBaGA8yMDk4MDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDYWRhMIGbMBAGByqGSM49AgEGBSuB" \
	"BAAjA4GGAAQAEXUugIX8PPfGfR/gpDShtkRegp9uy4kfv1eohQCJJJZpR7wsrmdxLV9ciDSjxwGI9aOmuctg" \
	"lFaFKMPGohd/178ACe5G+GIQWMutGDXHq0wipWywoLy2uCIWe36c4R0p6hAbsNHFAsl80cQ0/WQ0nQVNN2s2" \
	"Y5zWnPUdjNdI+LpkkjAwCgYIKoZIzj0EAwIDgYwAMIGIAkIBmkBz752Qgr3OJeB3t0aOIuxIFKa+aIhxMmwM" \
	"nCOxu+xznbx49BsRSCCzqmEKoHpoU8sFl2rR1qtUcqlhQsanAAkCQgHDAH+hgtJkGL5quBAHQvbp25SRWd5p" \
	"jezIAm1sI631I66HfNZcFdwLHDagZV1Wmvtg68P528yM33TimnrP3rfcIA=="
#define CERTIFICATE_ED25519                                                                        \
	"MIHYMIGLAhRx5+4bIedeqRqZ74bdRVPGkrmA4zAFBgMrZXAwDjEMMAoGA1UEAwwDYWRhMCAXDTIwMDEwMTAw" \
	"MDAwMFoYDzIwOTgwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANhZGEwKjAFBgMrZXADIQDgHVWGOwneJNiHyDCV" \
	"uZCELfqodPTP1hQC1Kkiuk380DAFBgMrZXADQQBLkh89EAl7Et+33pOz8GsNnvE4GZNHe0Hz2dBg/2MNEJ0U" \
	"aScXjYp8gDpIP2lJigNbAR2u5qwrm2/i82aLPt8M"
#define CERTIFICATE_P256_ZERO                                                                      \
	"MIIBGDCBvwIUdC753l9MzT0WrHwWi7tJYr/c8HkwCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYWRhMCAXDTIw" \
	"MDEwMTAwMDAwMFoYDzIwOTgwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANhZGEwWTATBgcqhkjOPQIBBggqhkjO" \
	"PQMBBwNCAAQADRa0V8zqsdG/L3TXVfXRYAfLE1mqDnmtLEDvInmhmWhkkKC+TNpi+OGnNcpbF1ir+napGuPq" \
	"Tdl+GyD4GpfTMAoGCCqGSM49BAMCA0gAMEUCIQD0Cqq8XWnujcoVOuD0eNo+wKkpHaANgW/aAgZPz627JwIg" \
	"dKBEuBQRYY/4Kb4g12bMD4UrmOfc/RxYzOW6LBu+byE="
#define CERTIFICATE_SIGNING                                                                        \
	"MIIBUDCB96ADAgECAhQDjesGMUZxLiefyQ5MABIJ8+D4vDAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANhZGEw" \
	"IBcNMjAwMTAxMDAwMDAwWhgPMjA5ODAxMDEwMDAwMDBaMA4xDDAKBgNVBAMMA2FkYTBZMBMGByqGSM49AgEG" \
	"CCqGSM49AwEHA0IABMXjm9JXzQ997+U4n6zOebFjuHZs8X4HsG7H4OwMSLafz09R7tnk8tnNT2UCyp4p41vx" \
	"fvgg9wHLLACu6V2vkbKjMTAvMA4GA1UdDwEB/wQEAwIHgDAdBgNVHQ4EFgQUb/lUqw61D3GnjrOhNPOqMwcT" \
	"SPswCgYIKoZIzj0EAwIDSAAwRQIgeTrsC6Jw6VjRIuaR17W3hrkEdmN26vGLnrrV96NDEUkCIQDnJ50wKuaa" \
	"/o2ShEQ8dLZ2iSiXdfNB9+mrBAqpa/QTUg=="
#define CERTIFICATE_ED448                                                                          \
	"MIIBIzCBpAIUH3PRtBdugsrrdfDsv4wLLabB+3YwBQYDK2VxMA4xDDAKBgNVBAMMA2FkYTAgFw0yMDAxMDEw" \
	"MDAwMDBaGA8yMDk4MDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDYWRhMEMwBQYDK2VxAzoAQLl9C5OVRQyDsWIk" \
	"MtfxVFMNxYMO1BOIdKwU8W3qz0GEU5LTACVe84xqM+jUqDfyJnaawZeQY6eAMAUGAytlcQNzAHUs7t9xogh5" \
	"xhyCXidXkREA1R1Egm3Xe1Gs9haWcknor2pv/YQT4BVo6crQa9JWr+1IBvtOzbFmAOS42Cyzd1GNvcviJqDW" \
	"riwWpnK1behTJamvccbJl2HjSS1ndC1X5kqahnYsFJN/yry2NmEA9MIAAA=="
#define CERTIFICATE_ENCIPHERING                                                                    \
	"MIIBUTCB96ADAgECAhQ+pP1oGdbgL0teOduzh+KFZAZVUTAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANhZGEw" \
	"IBcNMjAwMTAxMDAwMDAwWhgPMjA5ODAxMDEwMDAwMDBaMA4xDDAKBgNVBAMMA2FkYTBZMBMGByqGSM49AgEG" \
	"CCqGSM49AwEHA0IABMXjm9JXzQ997+U4n6zOebFjuHZs8X4HsG7H4OwMSLafz09R7tnk8tnNT2UCyp4p41vx" \
	"fvgg9wHLLACu6V2vkbKjMTAvMA4GA1UdDwEB/wQEAwIFIDAdBgNVHQ4EFgQUb/lUqw61D3GnjrOhNPOqMwcT" \
	"SPswCgYIKoZIzj0EAwIDSQAwRgIhAOu6d0wgvfDdBdlTGtwsrz/hK8EAgncVPxlrWatxlwZIAiEAoPmByOII" \
	"bPuGX/exs3fewfbj+2Q+5VpMb1h9JTpKW0o="
#define CERTIFICATE_K256                                                                           \
	"MIIBFTCBvAIUX2DRHwx57VEWCw/UmBTTWZtq4lswCgYIKoZIzj0EAwIwDjEMMAoGA1UEAwwDYWRhMCAXDTIw" \
	"MDEwMTAwMDAwMFoYDzIwOTgwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANhZGEwVjAQBgcqhkjOPQIBBgUrgQQA" \
	"CgNCAATz73+hNV2UGoxnO2CzoWi443w4Z8bXuv8fJAPipRKOLdizNp0ik2rYLdM3OrhKyJbr2Kj/vMYdOcr7" \
	"q8gDf16DMAoGCCqGSM49BAMCA0gAMEUCIF0hL2EcNw/5+kYrvw0PvnVljUW8ECEykE6Kr7Oe8/jaAiEAjCd3" \
	"0lzSsMkmy7AH3aAN4W0jEk52HtSxaRlNVrlJdi4="
#define KEY_RSA                                                                                    \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCuDEz7BLxFADH0HLlpcwP4YImMEcqlXW5M1JwBd+9kU4Kl" \
	"3N68bdtZHhjfQq7w7hLHfop6PwF3nWHwoG2K7dudxvj+Y3U0wVQeNj6yupZdtYAeeAakd3F5zW3GaAI9J+CP" \
	"5zOf5zEg9R6/eIL9PWuIFSWHrOPe4EJDT4pVHUe6Gzx4jgEBMw+vSFbkB/xG2EDryqRT76tlqwnAl9I5Fsxm" \
	"A8AGF9F7g+SIl2C2N9kbZR7sD1u7Piw8YroFPxciItjwUtNYfUayY3CPegDK7fmQ1QaEx1qAGZd3yOACXizF" \
	"TpWbe7mNmrn0GtloA+o/pqEKLsCaOwG6EQjje6RTvA7P"
#define KEY_P256                                                                                   \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMXjm9JXzQ99" \
	"7+U4n6zOebFjuHZs8X4HsG7H4OwMSLafz09R7tnk8tnNT2UCyp4p41vxfvgg9wHLLACu6V2vkbI="
#define KEY_P384                                                                                   \
	"ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBLL09pQk/9BA" \
	"pSGphya8Pbt6sDQyS6x5NLz2Vrf+1A9rs+IkXajdiFNujz0kmGMZBw7gbc1I63rPtT1I6S68fAyS+CUJcUzM" \
	"p3BMtw9j5WcxiHCVQ0241r+JgCnFBmR7Jg=="
#define KEY_P521                                                                                   \
	"ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAARdS6Ahfw8" \
	"98Z9H+CkNKG2RF6Cn27LiR+/V6iFAIkklmlHvCyuZ3EtX1yINKPHAYj1o6a5y2CUVoUow8aiF3/XvwAJ7kb4" \
	"YhBYy60YNcerTCKlbLCgvLa4IhZ7fpzhHSnqEBuw0cUCyXzRxDT9ZDSdBU03azZjnNac9R2M10j4umSSMA=="
#define KEY_ED25519                                                                                \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOAdVYY7Cd4k2IfIMJW5kIQt+qh09M/WFALUqSK6TfzQ"
#define KEY_P256_ZERO                                                                              \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAANFrRXzOqx" \
	"0b8vdNdV9dFgB8sTWaoOea0sQO8ieaGZaGSQoL5M2mL44ac1ylsXWKv6dqka4+pN2X4bIPgal9M="

#endif
