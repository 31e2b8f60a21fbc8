mod measure; mod noise; mod bare;
fn main(){
 let b=bare::Bare::new(); let xx=noise::Noise::new("XX"); let ik=noise::Noise::new("IK"); let mut raw=bare::RawSeal::new(85);
 let mut s=vec![measure::Subject{name:"bare",run:Box::new(||b.handshake())},measure::Subject{name:"asym",run:Box::new(||b.asymmetric())},measure::Subject{name:"xx",run:Box::new(||xx.handshake())},measure::Subject{name:"ik",run:Box::new(||ik.handshake())}];
 println!("{:?}",measure::medians(&mut s,300,1));
 let mut s=vec![measure::Subject{name:"raw",run:Box::new(||raw.seal())}];
 println!("{:?}",measure::medians(&mut s,300,100));
}
