import { nodeProvider } from '/work/main/packages/crypto/src/node.ts';
import { sotto } from '/work/main/tests/bench/crypto/sotto.ts';
const [who, only] = process.argv.slice(2);
const impl = who==='libsignal' ? (await import('/work/main/tests/bench/crypto-peers/libsignal.ts')).implementation : sotto(nodeProvider);
const pair = await impl.openPair!('stored'); const p=new Uint8Array(64);
async function run(n:number){const m=[];for(let i=0;i<n;i++)m.push(await pair.aliceSeals(p));for(const x of m) await pair.bobOpens(x);}
async function pp(n:number){for(let i=0;i<n;i++){await pair.bobOpens(await pair.aliceSeals(p));await pair.aliceOpens(await pair.bobSeals(p));}}
for (const [name,f] of [['oneway',run],['pingpong',pp]] as const){ if (only && only!==name) continue; for(let i=0;i<8;i++)await f(500);
const all:number[]=[];
for (let r=0;r<40;r++){const t=process.hrtime.bigint();await f(300);all.push(Number(process.hrtime.bigint()-t)/1e3/300)}
all.sort((a,b)=>a-b);console.log(who,name,'best',(1e6/all[0]!).toFixed(0),'/s median',(1e6/all[20]!).toFixed(0));}
