import { nodeProvider } from '/work/main/packages/crypto/src/node.ts';
import { sotto } from '/work/main/tests/bench/crypto/sotto.ts';
const who = process.argv[2];
const impl = who==='libsignal' ? (await import('/work/main/tests/bench/crypto-peers/libsignal.ts')).implementation : sotto(nodeProvider);
for (let i=0;i<100;i++) await impl.setup!();
let best=1e9; const all=[];
for (let r=0;r<30;r++){const t=process.hrtime.bigint();for(let i=0;i<30;i++)await impl.setup!();const d=Number(process.hrtime.bigint()-t)/1e3/30;all.push(d)}
all.sort((a,b)=>a-b);console.log(who,'min',(1e6/all[0]).toFixed(0),'/s median',(1e6/all[15]).toFixed(0));
