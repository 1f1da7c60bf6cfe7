package payment;

import javaruntime.Service;

/** Payment: takes the money. */
public final class Main {

    private Main() {}

    public static void main(String[] words) throws Exception {
        new Service(new Charges()).run();
    }
}
