// LivePerson's own code from its Functions kit, in the parts that speak the calls every LivePerson client begins with:
// the domain lookup and the AppJWT. Run by itself, since trust in the demo's CA comes from NODE_EXTRA_CA_CERTS.
//
//     node vendor-kit.js LOOKUP_HOST ACCOUNT CLIENT_ID CLIENT_SECRET

import { createRequire } from "node:module";

const kit = createRequire(import.meta.url);
const { CsdsClient } = kit("liveperson-functions-client/build/src/helper/csdsClient.js");
const { AppJwtAuthentication } = kit("liveperson-functions-client/build/src/helper/appJwtAuthentication.js");

const [lookup, accountId, clientId, clientSecret] = process.argv.slice(2);
const csds = new CsdsClient();
// The one thing that changes: where the lookup starts.
csds.getCsdsDomain = () => lookup;
const getCsdsEntry = csds.get.bind(csds);
const authentication = new AppJwtAuthentication({ accountId, clientId, clientSecret, getCsdsEntry });
const header = await authentication.getHeader();
const idp = await getCsdsEntry(accountId, "idp");
console.log(JSON.stringify({ header, sameHeader: (await authentication.getHeader()) === header, idp }));
